import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { workerData, type MessagePort } from 'node:worker_threads';
import { stampOf } from '../lib/file-tree.ts';
import { SharedWork } from '../lib/shared-work.ts';
import type { ZoneTables } from '../snapshot/snapshot.ts';
import { ZoneTableBuilder } from '../snapshot/zone-tables.ts';
import { digestOf, readPlainZone } from '../resolve/zone-reader.ts';
import { zoneFileName } from '../state/zone-file-names.ts';
import { nameFromText } from '../wire/name.ts';
import type { Allowance, ZoneData } from '../zone/mod.ts';
import { sharedZone, ZoneSharer, type SharedZones } from '../zone/shared-zones.ts';

/**
 * A thread that helps the control thread with very many zones: both read files and lay zones out as tables, one from
 * the first on, the other from the last back. What is unusual in any way is left to the control thread.
 */
export interface ZoneThreadData {
  readonly port: MessagePort;
  /** Counts answers, and wakes who waits for one. */
  readonly progress: SharedArrayBuffer;
}

export type ToZoneThread =
  | {
      readonly type: 'read';
      readonly directory: string;
      /** Names of files, with a slash between them, which no name has. */
      readonly names: string;
      /** Files of one piece of work. */
      readonly block: number;
      readonly work: SharedArrayBuffer;
      readonly allowed: Allowance;
    }
  | {
      readonly type: 'build';
      /** Zones of all groups, one after the other. */
      readonly zones: SharedZones;
      /** Their origins, one after the other. */
      readonly origins: Uint8Array;
      readonly originStarts: Int32Array;
      /** Where in them each group begins, and where the last one ends. */
      readonly groups: Int32Array;
      readonly work: SharedArrayBuffer;
    };

export type FromZoneThread =
  | {
      readonly type: 'read';
      readonly block: number;
      readonly zones: SharedZones;
      /** By file of the block: number of its zone, or -1. */
      readonly numbers: readonly number[];
      /** By zone. */
      readonly digests: readonly string[];
      readonly stamps: readonly string[];
    }
  | { readonly type: 'built'; readonly group: number; readonly tables: ZoneTables };

/** A larger file is left to the control thread. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Where a zone was written is of no use to its tables. */
const NO_SOURCE = { files: [], field: '' };

const { port, progress } = workerData as ZoneThreadData;
const counter = new Int32Array(progress);
const scratch = Buffer.alloc(MAX_BYTES + 1);

function tell(message: FromZoneThread): void {
  port.postMessage(message);
  Atomics.add(counter, 0, 1);
  Atomics.notify(counter, 0);
}

port.on('message', (task: ToZoneThread) => {
  if (task.type === 'read') read(task);
  else build(task);
});

function read({
  directory,
  names: text,
  block: size,
  work: memory,
  allowed,
}: Extract<ToZoneThread, { type: 'read' }>): void {
  const names = text.split('/');
  const blocks = Math.ceil(names.length / size);
  const work = new SharedWork(blocks, memory);
  while (work.take()) {
    const block = blocks - work.own;
    const sharer = new ZoneSharer(size);
    const digests: string[] = [];
    const stamps: string[] = [];
    const numbers = names.slice(block * size, (block + 1) * size).map((name) => {
      const zone = readZone(join(directory, name), name, allowed);
      if (zone === undefined) return -1;
      sharer.add(zone.data);
      stamps.push(zone.stamp);
      return digests.push(zone.digest) - 1;
    });
    tell({ type: 'read', block, zones: sharer.shared(), numbers, digests, stamps });
  }
}

function readZone(
  file: string,
  name: string,
  allowed: Allowance,
): { readonly data: ZoneData; readonly digest: string; readonly stamp: string } | undefined {
  const named = zoneFileName(name);
  const origin = named.kind === 'zone' ? nameFromText(named.origin) : undefined;
  const found = origin?.ok === true ? readFile(file) : undefined;
  if (found === undefined || origin?.ok !== true) return undefined;
  const { octets, stamp } = found;
  const data = readPlainZone({ octets, file, origin: origin.value }, allowed);
  return data && { data, digest: digestOf(octets), stamp };
}

/** The octets are valid until the next file is read. */
function readFile(file: string): { readonly octets: Buffer; readonly stamp: string } | undefined {
  try {
    // A pipe would wait for somebody to write to it.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(descriptor);
      if (!stats.isFile() || stats.size > MAX_BYTES) return undefined;
      const length = readSync(descriptor, scratch, 0, MAX_BYTES + 1, 0);
      return length === stats.size ? { octets: scratch.subarray(0, length), stamp: stampOf(stats) } : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // The control thread says why.
    return undefined;
  }
}

function build({ zones, origins, originStarts, groups, work: memory }: Extract<ToZoneThread, { type: 'build' }>): void {
  const count = groups.length - 1;
  const work = new SharedWork(count, memory);
  while (work.take()) {
    const group = count - work.own;
    const members: ZoneData[] = [];
    for (let zone = groups[group]!; zone < groups[group + 1]!; zone++)
      members.push(sharedZone(zones, zone, origins.subarray(originStarts[zone], originStarts[zone + 1]), NO_SOURCE));
    tell({ type: 'built', group, tables: new ZoneTableBuilder(members).build() });
  }
}
