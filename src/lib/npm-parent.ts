import { readFileSync } from 'node:fs';

const LOOK_MS = 500;

/**
 * Calls back once when npm, which started this program by `npx` or `npm start`, has been ended. On SIGTERM npm 10 and 11
 * end their shell and themselves, but not the program in it: the program would live on unseen and keep its ports.
 * Does nothing for a program that was started in another way, or into the background.
 * @returns stops looking
 */
export function whenNpmEnds(onEnd: () => void): () => void {
  const parent = process.ppid;
  if (!isShellOfNpm(parent)) return () => {};
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onEnd();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Whether a process is the shell between npm and the program, and waits for the program. */
function isShellOfNpm(pid: number): boolean {
  if (process.env['npm_lifecycle_event'] === undefined) return false;
  let args: readonly string[];
  try {
    args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return false;
  }
  return args[1] === '-c' && !runsInBackground(args[2] ?? '');
}

/** A single `&` outside of quotes and of redirections such as `2>&1`. */
export function runsInBackground(command: string): boolean {
  const bare = command.replaceAll(/'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[<>]&|&>|&&/gu, '');
  return bare.includes('&');
}
