import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../src/lib/problem.ts';
import { createLog, logProblems, type Log, type LogOptions } from '../../src/observe/log.ts';

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/u;

function logged(options: Partial<LogOptions>, write: (log: Log) => void): string[] {
  const lines: string[] = [];
  write(createLog({ level: 'info', format: 'text', ...options }, (line) => lines.push(line)));
  return lines;
}

/** A line without its time, which is checked. */
function timeless(line: string | undefined): string {
  const [time, ...rest] = line!.split(' ');
  expect(time).toMatch(TIME);
  return rest.join(' ');
}

describe('logProblems', () => {
  it('has a line for each problem by its severity, and counts those that are alike', () => {
    const many = Array.from({ length: 1000 }, (_, index): Problem => {
      return { severity: 'warning', file: 'm.csv', line: index + 1, message: `no carrier \`c${index}\`` };
    });
    const lines = logged({}, (log) => logProblems(log, [...many, { severity: 'error', message: 'broken' }]));
    expect(lines.map(timeless)).toEqual([
      'WARN  m.csv:1: warning: no carrier `c0`\n',
      'WARN  m.csv:2: warning: no carrier `c1`\n',
      'WARN  m.csv:3: warning: no carrier `c2`\n',
      'WARN  m.csv: warning: 997 more like these, in lines 4 to 1000\n',
      'ERROR error: broken\n',
    ]);
  });
});

describe('text', () => {
  it('is one line: time, level, message, fields', () => {
    const lines = logged({}, (log) => {
      log.info('listening', { address: '127.0.0.1:53', workers: 2 });
      log.warn('late');
      log.error('no answer', { who: 'the peer', tags: ['a', 'b'], quote: 'say "so"', none: null });
    });
    expect(lines.map(timeless)).toEqual([
      'INFO  listening address=127.0.0.1:53 workers=2\n',
      'WARN  late\n',
      'ERROR no answer who="the peer" tags="[\\"a\\",\\"b\\"]" quote="say \\"so\\"" none=null\n',
    ]);
  });

  it('gives the message of an exception', () => {
    const [line] = logged({}, (log) => log.error('failed', { error: new Error('no such file') }));
    expect(timeless(line)).toBe('ERROR failed error="no such file"\n');
  });

  it('lets no text end a line or speak to the terminal', () => {
    const [line] = logged({}, (log) => log.info('a\nb', { file: 'x\u001b[2Jy\nz', bell: '\u0007' }));
    expect(timeless(line)).toBe('INFO  a\\u000ab file="x\\u001b[2Jy\\nz" bell="\\u0007"\n');
  });
});

describe('json', () => {
  it('is one object a line', () => {
    const [line] = logged({ format: 'json' }, (log) => log.warn('a\nb', { zone: 'example.org.', count: 3 }));
    expect(line!.indexOf('\n')).toBe(line!.length - 1);
    const { time, ...rest } = JSON.parse(line!) as Record<string, unknown>;
    expect(time).toMatch(TIME);
    expect(rest).toEqual({ level: 'warn', msg: 'a\nb', zone: 'example.org.', count: 3 });
  });

  it('has type, message and stack of an exception', () => {
    const [line] = logged({ format: 'json' }, (log) => log.error('failed', { error: new TypeError('bad') }));
    const { error } = JSON.parse(line!) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ type: 'TypeError', message: 'bad' });
    expect(error['stack']).toContain('log.test.ts');
  });
});

describe('level', () => {
  it.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('%s lets %i of the four through', (level, count) => {
    const lines = logged({ level }, (log) => {
      log.debug('d');
      log.info('i');
      log.warn('w');
      log.error('e');
    });
    expect(lines).toHaveLength(count);
  });
});

describe('on stderr', () => {
  const module = fileURLToPath(new URL('../../src/observe/log.ts', import.meta.url));

  it('outlives its reader', async () => {
    const script = `
      import { createLog } from ${JSON.stringify(module)};
      const log = createLog({ level: 'info', format: 'json' });
      process.stdin.once('data', () => {
        for (let i = 0; i < 5; i++) log.info('to nobody');
        setTimeout(() => { process.stdout.write('alive'); process.exit(0); }, 50);
      });
      log.info('first');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let out = '';
    child.stdout.on('data', (data) => (out += String(data)));
    const [first] = (await once(child.stderr, 'data')) as [Buffer];
    expect(first.toString()).toContain('"msg":"first"');
    child.stderr.destroy();
    child.stdin.end('go');
    const [code] = (await once(child, 'close')) as [number];
    expect([code, out]).toEqual([0, 'alive']);
  });

  it('has written its last line before an exit', async () => {
    const script = `
      import { createLog } from ${JSON.stringify(module)};
      const log = createLog({ level: 'info', format: 'text' });
      for (let i = 0; i < 500; i++) log.error('line ' + i);
      process.exit(3);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let text = '';
    child.stderr.on('data', (data) => (text += String(data)));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(3);
    expect(text.trimEnd().split('\n')).toHaveLength(500);
    expect(text).toMatch(/line 499\n$/u);
  });
});
