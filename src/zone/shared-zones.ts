import type { WireName } from '../wire/name.ts';
import { wordsOf, ZoneData, type ZoneSource } from './zone.ts';

/** Zones as another thread gets them: their memory is shared, and numbers say what lies where in it. */
export interface SharedZones {
  readonly memory: readonly SharedArrayBuffer[];
  /** Eight of each zone, as `ZoneSharer` writes them. */
  readonly numbers: Int32Array;
}

const NUMBERS = 8;

/** Describes zones for another thread. */
export class ZoneSharer {
  readonly #memory = new Map<SharedArrayBuffer, number>();
  readonly #numbers: Int32Array;
  #count = 0;

  constructor(zones: number) {
    this.#numbers = new Int32Array(zones * NUMBERS);
  }

  add({ words, bytes, shape: { names, sets, datas, slots } }: ZoneData): void {
    let memory = this.#memory.get(words.buffer);
    if (memory === undefined) this.#memory.set(words.buffer, (memory = this.#memory.size));
    const numbers = this.#numbers;
    const at = this.#count++ * NUMBERS;
    numbers[at] = memory;
    numbers[at + 1] = words.byteOffset;
    numbers[at + 2] = bytes.byteOffset;
    numbers[at + 3] = bytes.length;
    numbers[at + 4] = names;
    numbers[at + 5] = sets;
    numbers[at + 6] = datas;
    numbers[at + 7] = slots;
  }

  shared(): SharedZones {
    return { memory: [...this.#memory.keys()], numbers: this.#numbers.subarray(0, this.#count * NUMBERS) };
  }
}

/** The zone with a number, as it was added; what it was written in is not told. */
export function sharedZone(
  { memory, numbers }: SharedZones,
  index: number,
  origin: WireName,
  source: ZoneSource,
): ZoneData {
  const at = index * NUMBERS;
  const shape = { names: numbers[at + 4]!, sets: numbers[at + 5]!, datas: numbers[at + 6]!, slots: numbers[at + 7]! };
  const buffer = memory[numbers[at]!]!;
  const words = new Int32Array(buffer, numbers[at + 1], wordsOf(shape));
  return new ZoneData(origin, source, shape, words, new Uint8Array(buffer, numbers[at + 2], numbers[at + 3]));
}
