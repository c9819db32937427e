import { chmodSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatProblem } from '../../src/lib/problem.ts';
import { fileStore } from '../../src/store/files.ts';
import { temporaryDirectory } from '../support/directory.ts';

const site = (name: string): string =>
  `apiVersion: edgeward.dev/v1alpha1\nkind: Site\nmetadata:\n  name: ${name}\nspec:\n  region: DE\n`;

test('every resource of a tree, with its file and the places of its fields', () => {
  const directory = temporaryDirectory({
    'edgeward.yaml': 'listen: [127.0.0.1:53]',
    'b.yml': `${site('b1')}---\n---\n${site('b2')}`,
    'more/deep/c.yaml': site('c'),
    'more/edgeward.yaml': site('named-as-the-server'),
    '.git/d.yaml': site('hidden'),
    '.e.yaml.swp': 'hidden',
    'README.md': '# not YAML',
    'empty.yaml': '# nothing yet\n',
  });
  const { resources, problems } = fileStore(directory).list();
  expect(problems).toEqual([]);
  const found = resources.map(({ resource, file, locate }) => {
    const { line, column } = locate('spec.region')!;
    return `${file.replace(`${directory}/`, '')}:${line}:${column} ${resource.metadata.name}`;
  });
  expect(found).toEqual([
    'b.yml:6:3 b1',
    'b.yml:14:3 b2',
    'more/deep/c.yaml:6:3 c',
    'more/edgeward.yaml:6:3 named-as-the-server',
  ]);
});

test('links are followed, unless they lead round in a circle', () => {
  const elsewhere = temporaryDirectory({ 'a.yaml': site('a'), 'b.yaml': site('b') });
  const directory = temporaryDirectory({ 'c.yaml': site('c') });
  symlinkSync(elsewhere, join(directory, 'whole'));
  symlinkSync(join(elsewhere, 'a.yaml'), join(directory, 'one.yaml'));
  symlinkSync(directory, join(directory, 'round'));
  symlinkSync('nowhere', join(directory, 'gone.yaml'));
  const { resources, problems } = fileStore(directory).list();
  expect(problems).toEqual([]);
  expect(resources.map(({ resource }) => resource.metadata.name)).toEqual(['c', 'a', 'a', 'b']);
});

test('problems of all files, with file, line, column and field; the good resources beside them', () => {
  const directory = temporaryDirectory({
    'a.yaml': site('a').replace('DE', '49'),
    'b.yaml': `${site('b').replace('region', 'reigon')}---\nkind: Gadget\n`,
    'c.yaml': 'kind: {',
    'd.yaml': site('d'),
  });
  const { resources, problems } = fileStore(directory).list();
  expect(resources.map(({ resource }) => resource.metadata.name)).toEqual(['d']);
  expect(problems.map((problem) => formatProblem(problem).replace(`${directory}/`, ''))).toEqual([
    'a.yaml:6:3: error: spec.region: the number 49, not text; put it in quotes: "49"',
    'b.yaml:6:3: error: spec.reigon: unknown field; did you mean `region`?',
    'b.yaml:5:1: error: spec.region: missing; add `region:` (a region such as `DE`, `CN-GD` or `europe`)',
    'b.yaml:8:1: error: kind: no kind "Gadget"; kinds are `Site`, `Zone`, `DomainExport`, `WeightOverride`',
    'c.yaml:1:8: error: not valid YAML: flow map in block collection must be sufficiently indented and end with a }; close every bracket, and indent the fields of one map alike',
  ]);
});

const DENIED =
  'cannot be read: permission denied (EACCES); let the user of this process read it, and search the directories above it';

test.skipIf(process.getuid?.() === 0)('a file that may not be read is a problem', () => {
  const directory = temporaryDirectory({ 'a.yaml': site('a') });
  chmodSync(join(directory, 'a.yaml'), 0);
  expect(fileStore(directory).list().problems.map(formatProblem)).toEqual([`${directory}/a.yaml: error: ${DENIED}`]);
});

test.skipIf(process.getuid?.() === 0)('what a directory that may not be read holds is unknown, not gone', () => {
  const directory = temporaryDirectory({ 'a.yaml': site('a'), 'sub/b.yaml': site('b'), 'lost+found/x': '' });
  const store = fileStore(directory);
  expect(store.list().problems).toEqual([]);
  chmodSync(join(directory, 'lost+found'), 0);
  expect(store.list().problems).toEqual([]);
  chmodSync(join(directory, 'lost+found'), 0o700);
  for (const mode of [0, 0o600]) {
    chmodSync(join(directory, 'sub'), mode);
    const { problems, unreadable, failed } = store.list();
    expect(problems.map(formatProblem)).toEqual([`${directory}/sub: error: ${DENIED}`]);
    expect(unreadable).toEqual([`${directory}/sub/b.yaml`]);
    expect(failed).toBe(false);
  }
  chmodSync(join(directory, 'sub'), 0o700);
  expect(store.list().resources).toHaveLength(2);
  chmodSync(directory, 0);
  const { problems, failed } = store.list();
  chmodSync(directory, 0o700);
  expect(problems.map(formatProblem)).toEqual([`${directory}: error: ${DENIED}`]);
  expect(failed).toBe(true);
});

test('a directory that is none', () => {
  const directory = temporaryDirectory({ file: '' });
  mkdirSync(join(directory, 'empty'));
  const say = (name: string): string[] => fileStore(join(directory, name)).list().problems.map(formatProblem);
  expect(say('empty')).toEqual([]);
  for (const name of ['gone', 'file']) {
    expect(say(name)).toEqual([
      `${directory}/${name}: error: no such directory; name the directory that holds the resources`,
    ]);
  }
});
