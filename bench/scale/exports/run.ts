import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from '../../../test/support/servers/process.ts';
import { residentMib, used } from '../../peers/measure.ts';
import { check, type Question } from './questions.ts';
import { EDGEWARD, LONGEST_START_MS } from './servers.ts';
import type { Variant } from './setup.ts';

// One server from its start until it has nothing left to do.

/** A server that uses less than this share of a core for so long has nothing left to do. */
const IDLE_SHARE = 0.05;
const IDLE_MS = 8000;
const LONGEST_MS = 600_000;

export interface What {
  readonly server: string;
  readonly variant: Variant;
  readonly exports: number;
  readonly checkS: number | undefined;
}

export interface Figures extends What {
  /** From the start of the process to all answers right. */
  readonly startS: number;
  readonly startCpuS: number;
  /** From then on until scopes no longer change. */
  readonly widenS: number | undefined;
  readonly widenCpuS: number;
  readonly scopeFirst: number;
  readonly scopeLast: number;
  readonly residentMib: number;
  readonly peakMib: number;
  readonly wrong: number;
}

/** The most that was resident at once: the kernel's count. */
function peakMib(pid: number): number {
  return Number(/^VmHWM:\s*(\d+)/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

export async function run(
  what: What,
  questions: readonly Question[],
  start: (readyOn: (port: number) => () => Promise<boolean>) => Promise<RunningServer>,
): Promise<Figures | What> {
  let begun = 0;
  let startS = 0;
  let server: RunningServer;
  try {
    server = await start((port) => {
      begun = performance.now();
      return async () => {
        const { wrong } = await check(port, questions.slice(0, 20), 1);
        startS = (performance.now() - begun) / 1000;
        return wrong === 0;
      };
    });
  } catch (error) {
    if (begun === 0 || performance.now() - begun < LONGEST_START_MS) throw error;
    return what;
  }
  const startCpuS = used(server.pid).total / 1e6;
  const first = await check(server.port, questions, 4);
  const ready = performance.now();
  let busy = ready;
  let cpu = used(server.pid).total;
  for (let at = ready; at < busy + IDLE_MS && at < ready + LONGEST_MS;) {
    await sleep(500);
    const now = performance.now();
    const cpuNow = used(server.pid).total;
    if ((cpuNow - cpu) / 1000 / (now - at) > IDLE_SHARE) busy = now;
    cpu = cpuNow;
    at = now;
  }
  const lines = [...server.log().matchAll(/^(\S+) DEBUG serving wider scopes/gmu)];
  const widened = lines.length === 0 ? undefined : Date.parse(lines.at(-1)![1]!);
  const widenS = widened === undefined ? undefined : Math.max(0, (widened - performance.timeOrigin - ready) / 1000);
  const last = await check(server.port, questions, 4);
  const figures = {
    ...what,
    startS,
    startCpuS,
    widenS,
    widenCpuS: used(server.pid).total / 1e6 - startCpuS,
    scopeFirst: first.scope,
    scopeLast: last.scope,
    residentMib: residentMib(server.pid),
    peakMib: peakMib(server.pid),
    wrong: first.wrong + last.wrong,
  };
  await server.stop();
  return figures;
}

/** Seconds that `edgeward check` takes. */
export async function timeCheck(folder: string): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, [EDGEWARD, 'check', folder], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`edgeward check ended with ${String(code)}`);
  return (performance.now() - begun) / 1000;
}
