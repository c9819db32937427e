import { existsSync, mkdirSync, readFileSync, renameSync, unwatchFile, watchFile, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChecked, writeChecked } from '../lib/atomic-file.ts';
import { explainHeld, type HeldChange } from '../model/held.ts';

const POLL_MS = 500;

/** Ids that are kept at most: those of changes long gone are of no use. */
const MAX_IDS = 1000;

/** What `edgeward accept` shows of a held change. */
export interface HeldEntry {
  readonly what: string;
  readonly id: string;
  readonly message: string;
}

/**
 * Where a running server and `edgeward accept` meet: the server writes down the changes that it holds, the command the
 * ids of those that an operator accepts. Both files are in the state directory of one configuration.
 */
export class AcceptedChanges {
  readonly #directory: string | undefined;
  readonly #onError: (message: string) => void;
  #ids: ReadonlySet<string>;
  /** Undefined: what an earlier run left. */
  #written: string | undefined;

  /** @param directory undefined: nothing is exchanged */
  constructor(directory: string | undefined, onError: (message: string) => void = () => {}) {
    this.#directory = directory;
    this.#onError = onError;
    this.#ids = directory === undefined ? new Set() : readIds(directory);
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Calls back after an operator has accepted something. @returns close */
  watch(onAccepted: () => void): () => void {
    if (this.#directory === undefined) return () => {};
    const directory = this.#directory;
    const file = acceptedFile(directory);
    watchFile(file, { interval: POLL_MS, persistent: false }, () => {
      const before = this.#ids;
      this.#ids = readIds(directory);
      if ([...this.#ids].some((id) => !before.has(id))) onAccepted();
    });
    return () => unwatchFile(file);
  }

  /** Writes down what is held now. */
  publish(held: readonly HeldChange[]): void {
    if (this.#directory === undefined) return;
    const entries = held.map((change): HeldEntry => ({
      what: change.what,
      id: change.id,
      message: explainHeld(change).message,
    }));
    const text = JSON.stringify(entries);
    const isFirst = this.#written === undefined;
    if (text === this.#written) return;
    this.#written = text;
    if (isFirst && held.length === 0 && !existsSync(heldFile(this.#directory))) return;
    try {
      writeChecked(heldFile(this.#directory), Buffer.from(text));
    } catch (error) {
      this.#onError(
        `\`edgeward accept\` cannot list held changes, since the state directory cannot be written to: ${String(error)}`,
      );
    }
  }
}

function heldFile(directory: string): string {
  return join(directory, 'held.json');
}

function acceptedFile(directory: string): string {
  return join(directory, 'accepted.json');
}

function readIds(directory: string): ReadonlySet<string> {
  try {
    const ids: unknown = JSON.parse(readFileSync(acceptedFile(directory), 'utf8'));
    return new Set(Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []);
  } catch {
    return new Set();
  }
}

/** What the server of a state directory holds; empty when it holds nothing, or there is none. */
export function readHeld(directory: string): HeldEntry[] {
  const content = readChecked(heldFile(directory));
  return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as HeldEntry[]);
}

/** Accepts changes by their ids. @throws the system's error */
export function acceptIds(directory: string, ids: readonly string[]): void {
  const all = new Set([...readIds(directory), ...ids]);
  const file = acceptedFile(directory);
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify([...all].slice(-MAX_IDS)));
  renameSync(`${file}.new`, file);
}
