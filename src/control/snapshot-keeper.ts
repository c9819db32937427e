import { join } from 'node:path';
import type { ControlData } from './messages.ts';
import { RepeatedFailure } from '../lib/repeated-failure.ts';
import { readKept, writeKept, type About } from '../snapshot/kept.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { seeInputs, type Inputs, type SeenInputs } from '../state/inputs.ts';

/** It is written once nothing has changed for so long. */
const QUIET_MS = 5000;
/** Writing takes at most this share of the time. */
const SHARE = 0.02;

/** The snapshot that a server keeps in its state directory. */
export function keptFile(stateDirectory: string): string {
  return join(stateDirectory, 'snapshot');
}

/** What is served, and what it was made from. */
export interface Served {
  readonly snapshot: Snapshot;
  readonly about: Omit<About, 'key' | 'inputs'>;
  readonly inputs: Inputs;
  /** Whether inputs that look like this are what it was made from. */
  isMadeFrom(seen: SeenInputs): boolean;
}

export interface SnapshotKeeperOptions {
  readonly stateDirectory: string;
  /** What is served now; undefined while it is not what the files alone would give after a restart. */
  readonly served: () => Served | undefined;
  /** @param failure undefined when all is kept that is to be; else the system's reason, told once while it lasts */
  readonly onDone: (failure: string | undefined, isNews: boolean) => void;
}

/**
 * Keeps the compiled snapshot on disk: a server that restarts on unchanged files answers from it at once, and reads the
 * files after that.
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #file: string;
  readonly #failure = new RepeatedFailure();
  #timer: NodeJS.Timeout | undefined;
  /** What is on disk. */
  #key: string | undefined;
  #writing: Promise<void> | undefined;
  #notBefore = 0;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#file = keptFile(options.stateDirectory);
  }

  /** What is served changes: it is kept once it has settled. */
  wait(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What is served will stay as it is for a while. */
  settled(): void {
    this.wait();
    const delay = Math.max(QUIET_MS, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => void this.#keep(), delay);
  }

  /** Writes what is still to be written. */
  async close(): Promise<void> {
    const isDue = this.#timer !== undefined;
    this.wait();
    if (isDue) await this.#keep();
    await this.#writing;
  }

  async #keep(): Promise<void> {
    this.wait();
    await this.#writing;
    await (this.#writing = this.#write());
  }

  async #write(): Promise<void> {
    const served = this.#options.served();
    if (served === undefined) return;
    const start = performance.now();
    try {
      const seen = seeInputs(served.inputs);
      // Changed since: the change will be served, and kept.
      if (!served.isMadeFrom(seen)) return;
      this.#key ??= keyOf(this.#file);
      if (seen.key !== this.#key) {
        await writeKept(this.#file, { ...served.about, key: seen.key, inputs: served.inputs }, served.snapshot);
        this.#key = seen.key;
      }
      this.#failure.succeeded();
      this.#options.onDone(undefined, false);
    } catch (error) {
      const isNews = this.#failure.isNews(error);
      this.#options.onDone(error instanceof Error ? error.message : String(error), isNews);
    }
    this.#notBefore = performance.now() + (performance.now() - start) / SHARE;
  }
}

/** Of what was kept before; undefined when it is of no use. */
function keyOf(file: string): string | undefined {
  let key: string | undefined;
  try {
    readKept(file, (about) => {
      key = about.key;
      return false;
    });
  } catch {
    return undefined;
  }
  return key;
}

/**
 * The snapshot that was kept, if its inputs are still what they were.
 * @param settings of the server now
 * @throws Error when it is damaged, or the system's error
 */
export function recallSnapshot(
  stateDirectory: string,
  settings: string,
): { readonly snapshot: Snapshot; readonly about: About; readonly seen: SeenInputs } | undefined {
  let seen: SeenInputs | undefined;
  const kept = readKept(keptFile(stateDirectory), ({ inputs, key, until }) => {
    const before = inputs as Inputs;
    if (before.settings !== settings || (until !== undefined && until <= Date.now())) return false;
    seen = seeInputs(before);
    return seen.key === key;
  });
  return kept && seen && { ...kept, seen };
}

/** How files are read, as `Inputs.settings`. */
export function settingsOf({ source, geo }: Pick<ControlData, 'source' | 'geo'>): string {
  return JSON.stringify({ source, geo });
}
