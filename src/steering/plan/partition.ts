/** Maps, and how each input uses one. */
export interface Partitions {
  /** Per map: the class of each locality; classes count from 0 in order of first appearance. */
  readonly maps: readonly Uint32Array[];
  /** Per input: its map. */
  readonly mapOf: readonly number[];
  /** Per input: its own value for each class of its map. */
  readonly planOfClass: readonly Uint32Array[];
}

/**
 * Finds inputs that divide the localities into the same groups, whatever they call them, so that they can share one
 * map.
 * @param inputs per input a value for each locality, all of one length
 */
export function groupPartitions(inputs: readonly Uint32Array[]): Partitions {
  const maps: Uint32Array[] = [];
  const byHash = new Map<number, number[]>();
  const mapOf: number[] = [];
  const planOfClass: Uint32Array[] = [];
  for (const input of inputs) {
    const { classes, values, hash } = renumber(input);
    const alike = byHash.get(hash) ?? [];
    let map = alike.find((candidate) => equal(maps[candidate]!, classes));
    if (map === undefined) {
      map = maps.push(classes) - 1;
      byHash.set(hash, [...alike, map]);
    }
    mapOf.push(map);
    planOfClass.push(Uint32Array.from(values));
  }
  return { maps, mapOf, planOfClass };
}

/** The input with its values replaced by their order of first appearance. */
function renumber(input: Uint32Array): { classes: Uint32Array; values: number[]; hash: number } {
  const classOf = new Map<number, number>();
  const values: number[] = [];
  const classes = new Uint32Array(input.length);
  let hash = 0x811c9dc5;
  for (let i = 0; i < input.length; i++) {
    const value = input[i]!;
    let c = classOf.get(value);
    if (c === undefined) {
      c = values.push(value) - 1;
      classOf.set(value, c);
    }
    classes[i] = c;
    hash = Math.imul(hash ^ c, 0x01000193);
  }
  return { classes, values, hash };
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
