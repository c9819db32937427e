import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { SharedWork } from '../lib/shared-work.ts';
import type { TableHelper } from '../snapshot/zone-compiler.ts';
import type { ZoneTables } from '../snapshot/snapshot.ts';
import type { AheadZone, FileToRead, ReadAhead } from '../state/zone-folder.ts';
import type { Allowance, ZoneData } from '../zone/mod.ts';
import { sharedZone, ZoneSharer } from '../zone/shared-zones.ts';
import type { FromZoneThread, ToZoneThread, ZoneThreadData } from './zone-thread.ts';

/** Files of one piece of work. */
const BLOCK = 128;

/** No piece of work takes so long; a thread that says nothing for so long is not asked again. */
const LOST_MS = 10_000;

const NOTHING: readonly never[] = [];

type Read = Extract<FromZoneThread, { type: 'read' }>;

/** The control thread's side of `zone-thread.ts`. What the thread does not do, its caller does. */
export class ZoneHelper implements TableHelper {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  #isLost = false;

  /** @param onError told when the thread fails, which costs no more than time */
  constructor(onError: (message: string) => void) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ZoneThreadData = { port: port2, progress: this.#progress.buffer };
    this.#worker = new Worker(new URL('./zone-thread.ts', import.meta.url), { workerData, transferList: [port2] });
    this.#worker.on('error', (error) => {
      this.#isLost = true;
      onError(String(error));
    });
    this.#worker.unref();
    port1.unref();
  }

  /** Has master files read meanwhile, from the last back; `take` must ask for all of them, from the first on. */
  read(directory: string, files: readonly FileToRead[], allowed: Allowance): ReadAhead {
    const blocks = Math.ceil(files.length / BLOCK);
    const work = new SharedWork(blocks);
    const names = files.map(({ name }) => name).join('/');
    this.#send({ type: 'read', directory, names, block: BLOCK, work: work.memory, allowed });
    const done = new Map<number, readonly (AheadZone | undefined)[]>();
    const hear = (message: FromZoneThread): void => {
      if (message.type === 'read') done.set(message.block, aheadZones(message, files));
    };
    let isOver = false;
    const find = (block: number): readonly (AheadZone | undefined)[] => {
      // What has come is looked at now, while the other thread still reads.
      for (let early = this.#heard(); early !== undefined; early = this.#heard()) hear(early);
      if (block < work.own || (!isOver && work.take())) return NOTHING;
      isOver = true;
      for (;;) {
        const zones = done.get(block);
        if (zones !== undefined) return zones;
        const message = this.#receive();
        if (message === undefined) return NOTHING;
        hear(message);
      }
    };
    let current: { readonly block: number; readonly zones: readonly (AheadZone | undefined)[] } | undefined;
    return {
      take: (index): AheadZone | undefined => {
        const block = Math.trunc(index / BLOCK);
        if (current?.block !== block) {
          current = { block, zones: find(block) };
          done.delete(block);
        }
        return current.zones[index % BLOCK];
      },
    };
  }

  build(groups: readonly (readonly ZoneData[])[]): { take(group: number): ZoneTables | undefined } {
    const zones = groups.flat();
    const sharer = new ZoneSharer(zones.length);
    const originStarts = new Int32Array(zones.length + 1);
    for (const [index, zone] of zones.entries()) {
      sharer.add(zone);
      originStarts[index + 1] = originStarts[index]! + zone.origin.length;
    }
    const origins = new Uint8Array(originStarts.at(-1)!);
    for (const [index, { origin }] of zones.entries()) origins.set(origin, originStarts[index]);
    const starts = new Int32Array(groups.length + 1);
    for (const [group, { length }] of groups.entries()) starts[group + 1] = starts[group]! + length;
    const work = new SharedWork(groups.length);
    this.#send({ type: 'build', zones: sharer.shared(), origins, originStarts, groups: starts, work: work.memory });
    const done = new Map<number, ZoneTables>();
    let isOver = false;
    return {
      take: (group) => {
        if (!isOver && work.take()) return undefined;
        isOver = true;
        while (!done.has(group)) {
          const message = this.#receive();
          if (message === undefined) return undefined;
          if (message.type === 'built') done.set(message.group, message.tables);
        }
        return done.get(group);
      },
    };
  }

  #send(task: ToZoneThread): void {
    this.#port.postMessage(task);
  }

  /** Waits for the next answer; undefined: there will be none. */
  #receive(): FromZoneThread | undefined {
    while (!this.#isLost) {
      const at = Atomics.load(this.#progress, 0);
      const heard = this.#heard();
      if (heard !== undefined) return heard;
      if (Atomics.wait(this.#progress, 0, at, LOST_MS) === 'timed-out') this.#isLost = true;
    }
    return undefined;
  }

  /** What has come. */
  #heard(): FromZoneThread | undefined {
    return receiveMessageOnPort(this.#port)?.message as FromZoneThread | undefined;
  }

  async close(): Promise<void> {
    this.#port.close();
    await this.#worker.terminate();
  }
}

function aheadZones(
  { block, zones, numbers, digests, stamps }: Read,
  files: readonly FileToRead[],
): readonly (AheadZone | undefined)[] {
  return numbers.map((number, index): AheadZone | undefined => {
    const file = files[block * BLOCK + index];
    if (number < 0 || file?.origin === undefined) return undefined;
    const data = sharedZone(zones, number, file.origin, { files: [file.path], field: '' });
    return { data, problems: NOTHING, digest: digests[number]!, stamp: stamps[number]! };
  });
}
