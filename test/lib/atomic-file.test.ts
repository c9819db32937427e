import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readChecked, writeChecked } from '../../src/lib/atomic-file.ts';
import { temporaryDirectory } from '../support/directory.ts';

test('what was written is read; what was not is undefined', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'deep', 'file');
  expect(readChecked(path)).toBeUndefined();
  writeChecked(path, Buffer.from('content'));
  expect(readChecked(path)?.toString()).toBe('content');
  expect(readdirSync(join(directory, 'deep'))).toEqual(['file']);
});

test('a failure leaves nothing behind', () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'file'));
  expect(() => writeChecked(join(directory, 'file'), Buffer.from('content'))).toThrow(/E[A-Z]+/u);
  expect(readdirSync(directory)).toEqual(['file']);
});

const MODULE = new URL('../../src/lib/atomic-file.ts', import.meta.url).href;
const NAMESPACE = ['unshare', '--user', '--map-root-user', '--mount'] as const;
const canMount = spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

test.skipIf(!canMount)('a full disk keeps the last version, and no part of the next', () => {
  const script = `
    import { readdirSync } from 'node:fs';
    import { readChecked, writeChecked } from ${JSON.stringify(MODULE)};
    writeChecked('/mnt/file', Buffer.from('small'));
    let code;
    try { writeChecked('/mnt/file', Buffer.alloc(1e6)) } catch (error) { code = error.code }
    console.log(code, String(readChecked('/mnt/file')), readdirSync('/mnt').join(' '));`;
  const run = ['sh', '-c', 'mount -t tmpfs -o size=64k none /mnt && exec "$@"', 'sh', process.execPath];
  const args = [...NAMESPACE.slice(1), ...run, '--input-type=module', '--eval', script];
  const { stdout } = spawnSync(NAMESPACE[0], args, { encoding: 'utf8' });
  expect(stdout).toBe('ENOSPC small file\n');
});
