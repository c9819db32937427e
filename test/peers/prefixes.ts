import type { Random } from '../support/random.ts';

/** An address prefix: 4 or 16 octets, zero after `length` bits. */
export interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

export function bitOf(bytes: Uint8Array, index: number): number {
  return (bytes[index >> 3]! >> (7 - (index & 7))) & 1;
}

/** The first `length` bits; the rest zero. */
export function cut(bytes: Uint8Array, length: number): Prefix {
  const out = bytes.map((octet, i) => {
    const kept = Math.min(8, Math.max(0, length - i * 8));
    return octet & (0xff00 >> kept) & 0xff;
  });
  return { bytes: out, length };
}

export function prefixText({ bytes, length }: Prefix): string {
  if (bytes.length === 4) return `${bytes.join('.')}/${length}`;
  const words = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2]! << 8) | bytes[i * 2 + 1]!).toString(16));
  // RFC 5952 would shorten it; all eight words read the same everywhere.
  return `${words.join(':')}/${length}`;
}

export function parsePrefix(text: string): Prefix {
  const [address = '', length = ''] = text.split('/');
  if (address.includes('.')) return { bytes: Uint8Array.from(address.split('.').map(Number)), length: Number(length) };
  const [head = '', tail = ''] = address.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [before, after] = [words(head), words(tail)];
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return { bytes: Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255])), length: Number(length) };
}

class Node {
  children: [Node | undefined, Node | undefined] = [undefined, undefined];
  value: number | undefined;
  /** The one value of all addresses below, with what is inherited; 'mixed' if there are two; undefined: not known. */
  all: number | 'mixed' | undefined;
}

/**
 * The plainest right answer to "which value has this address, and what is the shortest prefix around it in which all
 * have the same one?": a trie of single bits, one of each address family.
 */
export class PrefixOracle {
  readonly #roots: ReadonlyMap<number, Node> = new Map([
    [4, new Node()],
    [16, new Node()],
  ]);

  constructor(values: Iterable<readonly [Prefix, number]>) {
    for (const [prefix, value] of values) {
      let node = this.#roots.get(prefix.bytes.length)!;
      for (let i = 0; i < prefix.length; i++) {
        const bit = bitOf(prefix.bytes, i);
        node = node.children[bit as 0 | 1] ??= new Node();
      }
      node.value = value;
    }
    for (const root of this.#roots.values()) settle(root, undefined);
  }

  /** The value, and the shortest true scope of it. All space must be covered. */
  get(address: Uint8Array): { value: number; scope: number } {
    let value: number | undefined;
    let scope = 0;
    for (const node of this.#path(address)) {
      if (typeof node.all === 'number') return { value: node.all, scope };
      value = node.value ?? value;
      scope++;
    }
    if (value === undefined) throw new Error('the address is in no prefix');
    return { value, scope };
  }

  /**
   * True if the address has its value from prefixes that together cover, with that one value, a prefix that has another
   * value itself: the case in which merging them must not lose against the prefix that they cover.
   */
  isInCoveredPrefix(address: Uint8Array): boolean {
    const { value } = this.get(address);
    return this.#path(address).some((node) => {
      return node.value !== undefined && node.value !== value && halves(node) === value;
    });
  }

  #path(address: Uint8Array): Node[] {
    const path: Node[] = [];
    let node = this.#roots.get(address.length);
    for (let depth = 0; node !== undefined; depth++) {
      path.push(node);
      node = depth < address.length * 8 ? node.children[bitOf(address, depth) as 0 | 1] : undefined;
    }
    return path;
  }
}

function settle(node: Node, inherited: number | undefined): number | 'mixed' | undefined {
  const own = node.value ?? inherited;
  const [left, right] = node.children.map((child) => (child === undefined ? own : settle(child, own)));
  node.all = left === right ? left : 'mixed';
  return node.all;
}

/** The value that prefixes inside give to both halves of a node alike, as merging neighbours finds it. */
function halves(node: Node): number | undefined {
  const [left, right] = node.children.map((child) =>
    child === undefined ? undefined : (halves(child) ?? child.value),
  );
  return left === right ? left : undefined;
}

/** Where prefixes are drawn from: public unicast space, clear of the blocks that have a meaning of their own. */
const ROOTS4 = [1, 2, 3, 5, 8, 14, 23, 36, 45, 59, 61, 77, 90, 101, 110, 123, 133, 151, 175, 185, 196, 202, 211, 221];
const ROOTS6 = [0x2400, 0x2408, 0x240e, 0x2600, 0x2607, 0x2804, 0x2a00, 0x2a02, 0x2c0f];

function randomAddress(random: Random, size: 4 | 16): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, () => random.below(256));
  if (size === 4) bytes[0] = random.pick(ROOTS4);
  else {
    const root = random.pick(ROOTS6);
    bytes[0] = root >> 8;
    bytes[1] = root & 255;
  }
  return bytes;
}

function flipped(prefix: Prefix): Prefix {
  const bytes = prefix.bytes.slice();
  const last = prefix.length - 1;
  bytes[last >> 3]! ^= 128 >> (last & 7);
  return { bytes, length: prefix.length };
}

/** Random prefixes with values below `values`: apart, nested, and side by side with equal or other values. */
export function drawPrefixes(random: Random, size: 4 | 16, count: number, values: number): [Prefix, number][] {
  const [shortest, longest] = size === 4 ? [9, 28] : [20, 60];
  const found = new Map<string, [Prefix, number]>();
  const list: [Prefix, number][] = [];
  while (list.length < count) {
    const near = list.length > 0 && random.chance(0.6) ? random.pick(list) : undefined;
    let prefix: Prefix;
    let value = random.below(values);
    if (near === undefined) {
      prefix = cut(randomAddress(random, size), shortest + random.below(longest - shortest - 4));
    } else if (random.chance(0.5)) {
      prefix = flipped(near[0]);
      if (random.chance(0.6)) value = near[1];
    } else {
      const length = Math.min(longest, near[0].length + 1 + random.below(8));
      const inside = near[0].bytes.map(
        (octet, i) => octet | (random.below(256) & (0xff >> Math.min(8, Math.max(0, near[0].length - i * 8)))),
      );
      prefix = cut(inside, length);
    }
    const key = prefixText(prefix);
    if (found.has(key)) continue;
    found.set(key, [prefix, value]);
    list.push([prefix, value]);
  }
  return list;
}

/** Client subnets: at, inside, around and just beside the prefixes, and anywhere. */
export function drawSubnets(random: Random, size: 4 | 16, count: number, prefixes: readonly Prefix[]): Prefix[] {
  const [shortest, longest] = size === 4 ? [8, 32] : [32, 64];
  return Array.from({ length: count }, () => {
    const length =
      size === 16 && random.chance(0.1) ? 65 + random.below(64) : shortest + random.below(longest - shortest + 1);
    if (random.chance(0.4)) return cut(randomAddress(random, size), length);
    const near = random.pick(prefixes);
    const around = random.chance(0.3) ? flipped(near) : near;
    const filled = around.bytes.map((octet, i) => {
      const free = 0xff >> Math.min(8, Math.max(0, around.length - i * 8));
      return octet | (random.below(256) & free);
    });
    return cut(filled, length);
  });
}
