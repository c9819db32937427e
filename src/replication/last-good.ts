import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readChecked, writeChecked } from '../lib/atomic-file.ts';
import { SnapshotReplica } from './replica.ts';
import { encodeMessage, MessageReader } from './messages.ts';

/**
 * The last good snapshot on disk: `snapshot`, and in `columns/` its large parts by their content. Each file is there
 * whole or not at all, and has a checksum.
 */
export class LastGood {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws the system's error */
  write(replica: SnapshotReplica): void {
    const { header, octets, fixed } = replica.save();
    const columns = join(this.#directory, 'columns');
    mkdirSync(columns, { recursive: true });
    for (const [hash, bytes] of fixed) {
      const path = join(columns, hash);
      if (!existsSync(path)) writeChecked(path, bytes);
    }
    writeChecked(join(this.#directory, 'snapshot'), encodeMessage(header, octets));
    // Only now does nothing name them any more.
    for (const name of readdirSync(columns)) if (!fixed.has(name)) rmSync(join(columns, name), { force: true });
  }

  /** Milliseconds since 1970; undefined when there is none. */
  get writtenAt(): number | undefined {
    return statSync(join(this.#directory, 'snapshot'), { throwIfNoEntry: false })?.mtimeMs;
  }

  /** Undefined when there is none. @throws Error when it is damaged */
  read(): SnapshotReplica | undefined {
    const content = readChecked(join(this.#directory, 'snapshot'));
    if (content === undefined) return undefined;
    const [message] = new MessageReader().push(content);
    if (message?.header.type !== 'snapshot') throw new Error('the last good snapshot is not one');
    const known = new Map<string, SharedArrayBuffer>();
    for (const { hash } of message.header.buffers) {
      if (hash === undefined) continue;
      const bytes = readChecked(join(this.#directory, 'columns', hash));
      if (bytes === undefined) throw new Error(`a part of the last good snapshot is missing: ${hash}`);
      const buffer = new SharedArrayBuffer(bytes.length);
      new Uint8Array(buffer).set(bytes);
      known.set(hash, buffer);
    }
    const replica = new SnapshotReplica();
    replica.apply({ header: message.header, octets: message.octets }, known);
    return replica;
  }
}
