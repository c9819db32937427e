import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a server has used so far: microseconds, of all its threads. */
interface Used {
  readonly total: number;
  readonly user: number;
}

/** Of a second, as the kernel counts it for processes. */
const TICK_US = 10_000;

/** Of a process and those that it has started: some servers answer from a child. */
export function used(pid: number): Used {
  let total = 0;
  let user = 0;
  for (const each of family(pid)) {
    for (const task of readdirSync(`/proc/${each}/task`))
      total += Number(readFileSync(`/proc/${each}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000;
    user += Number(fieldsOf(each)[11]) * TICK_US;
  }
  return { total, user };
}

/** A process's fields in /proc/PID/stat behind its name: state, parent, ... (proc(5)). */
function fieldsOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function family(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^[0-9]+$/u.test(name));
  const found = [pid];
  for (const parent of found) {
    for (const name of all) {
      try {
        if (Number(fieldsOf(Number(name))[1]) === parent) found.push(Number(name));
      } catch {
        // It has ended since.
      }
    }
  }
  return found;
}

/** Memory of a process and those that it has started, what they share counted once (PSS), MiB. */
export function residentMib(pid: number): number {
  const kib = (of: number): number =>
    Number(/^Pss:\s*(\d+)/mu.exec(readFileSync(`/proc/${of}/smaps_rollup`, 'utf8'))![1]);
  return family(pid).reduce((sum, each) => sum + kib(each), 0) / 1024;
}

export interface Load {
  readonly port: number;
  readonly pid: number;
  /** Messages, each behind its length in two octets. */
  readonly queries: string;
  readonly seconds: number;
  /** Undefined: as many as the server takes. */
  readonly qps?: number | undefined;
  /** Runs dnsperf on a core of its own. */
  readonly pin: readonly string[];
}

export interface Measured {
  /** Microseconds of the server's CPU for each query answered. */
  readonly cpu: number;
  readonly user: number;
  readonly qps: number;
  readonly lost: number;
}

/** Queries in flight: more would overflow a default socket buffer. */
const IN_FLIGHT = 150;

export async function measure({ port, pid, queries, seconds, qps, pin }: Load): Promise<Measured> {
  const rate = qps === undefined ? [] : ['-Q', String(qps)];
  const before = used(pid);
  const output = await dnsperf(pin, [...target(port, queries, seconds), '-q', String(IN_FLIGHT), ...rate]);
  const after = used(pid);
  const read = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const completed = read(/Queries completed:\s+(\d+)/u);
  return {
    cpu: (after.total - before.total) / completed,
    user: (after.user - before.user) / completed,
    qps: read(/Queries per second:\s+([\d.]+)/u),
    lost: read(/Queries lost:\s+(\d+)/u),
  };
}

/** Latencies at a rate, in microseconds. */
export async function latencies({ port, queries, seconds, qps, pin }: Load): Promise<{ mean: number; p99: number }> {
  const output = await dnsperf(pin, [
    ...target(port, queries, seconds),
    '-q',
    String(IN_FLIGHT),
    '-Q',
    String(qps),
    '-v',
  ]);
  const all = [...output.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gmu)].map(([, value]) => Number(value) * 1e6);
  if (all.length === 0) throw new Error(`dnsperf told no latencies:\n${output.slice(0, 500)}`);
  all.sort((a, b) => a - b);
  return { mean: all.reduce((sum, each) => sum + each, 0) / all.length, p99: all[Math.floor(all.length * 0.99)]! };
}

function target(port: number, queries: string, seconds: number): string[] {
  return ['-s', '127.0.0.1', '-p', String(port), '-d', queries, '-B', '-l', String(seconds), '-b', '1024'];
}

/** What dnsperf says on stdout. */
function dnsperf(pin: readonly string[], args: readonly string[]): Promise<string> {
  const [program, ...rest] = [...pin, 'dnsperf', ...args];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString());
      else reject(new Error(`dnsperf ended with ${code}: ${errors.slice(-500)}`));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
