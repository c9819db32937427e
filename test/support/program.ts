import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const EDGEWARD = fileURLToPath(new URL('../../src/edgeward.ts', import.meta.url));

/** `edgeward` in a process of its own, ended when the test is. */
export interface Program {
  readonly child: ChildProcess;
  /** All that it has printed, on both outputs. */
  text(): string;
  /** Waits for a line. @throws when it does not come */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

export interface ProgramOptions {
  /** A command before `node`, as in `['setpriv', '--reuid', '1000']`. */
  readonly prefix?: readonly string[];
  /** Arguments of `node` before the program. */
  readonly nodeArgs?: readonly string[];
  /** In place of the test's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export function startEdgeward(args: readonly string[], options: ProgramOptions = {}): Program {
  return startProgram([process.execPath, ...(options.nodeArgs ?? []), EDGEWARD, ...args], options);
}

export function startProgram(
  command: readonly string[],
  { prefix = [], env = process.env, cwd = ROOT }: ProgramOptions = {},
): Program {
  const [program, ...args] = [...prefix, ...command];
  const child = spawn(program!, args, { cwd, env: { ...env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (data) => (text += String(data)));
  child.stderr.on('data', (data) => (text += String(data)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    let running = true;
    void ended.then(() => (running = false));
    for (let i = 0; i < 250; i++) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      if (!running) break;
      await sleep(100);
    }
    throw new Error(`no ${pattern} in:\n${text}`);
  };
  return { child, text: () => text, until, ended };
}

/** Runs `edgeward` until it ends. */
export async function runEdgeward(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<{ code: number | null; text: string }> {
  const program = startEdgeward(args, options);
  const code = await program.ended;
  return { code, text: program.text() };
}
