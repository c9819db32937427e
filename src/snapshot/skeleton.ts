import type { Snapshot } from './snapshot.ts';

/** A typed array inside a skeleton: buffer, type, offset in octets, and length in elements. */
interface ViewRef {
  readonly $: readonly [buffer: number, type: ViewType, offset: number, length: number];
}

/** Raised when what a snapshot is made of changes: nobody must answer from what another version wrote. */
const LAYOUT = 2;

const VIEW_TYPES = { Uint8Array, Int32Array, Uint32Array, Float64Array, Uint16Array } as const;
type ViewType = keyof typeof VIEW_TYPES;

/** Structure around buffers; plain data, without what changes though nothing that is answered does. */
export type Skeleton = unknown;

/** Divides a snapshot into its buffers, each with the path of the first array in it, and the structure around them. */
export function takeApart(
  snapshot: Snapshot,
  numberOf: (buffer: ArrayBufferLike) => number,
): { readonly skeleton: Skeleton; readonly buffers: ReadonlyMap<ArrayBufferLike, string> } {
  const buffers = new Map<ArrayBufferLike, string>();
  const visit = (value: unknown, path: string): unknown => {
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset } = value;
      if (!buffers.has(buffer)) buffers.set(buffer, path);
      const type = value.constructor.name as ViewType;
      return { $: [numberOf(buffer), type, byteOffset, (value as Uint8Array).length] } satisfies ViewRef;
    }
    if (Array.isArray(value)) return value.map((each, index) => visit(each, `${path}[${index}]`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, visit(each, `${path}.${key}`)]));
  };
  const { serial, generation, ...rest } = snapshot;
  void serial;
  void generation;
  return { skeleton: { layout: LAYOUT, ...(visit(rest, '') as object) }, buffers };
}

/** A snapshot that was put together, and its zone tables by their parts of the skeleton. */
interface Together {
  readonly snapshot: Omit<Snapshot, 'serial' | 'generation'>;
  readonly tables: ReadonlyMap<string, unknown>;
}

/**
 * The same, put together again.
 * @param known tables of the skeleton before, with the same buffers by number: they stay the same objects
 * @throws Error when a buffer is missing, or another version has written it
 */
export function putTogether(
  skeleton: Skeleton,
  bufferOf: (number: number) => ArrayBufferLike | undefined,
  known: ReadonlyMap<string, unknown> = new Map(),
): Together {
  const build = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(build);
    if (typeof value !== 'object' || value === null) return value;
    if (!('$' in value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, build(each)]));
    const [number, type, offset, length] = (value as ViewRef).$;
    const buffer = bufferOf(number);
    if (buffer === undefined || !Object.hasOwn(VIEW_TYPES, type)) throw new Error(`there is no buffer ${number}`);
    const View = VIEW_TYPES[type] as new (buffer: ArrayBufferLike, offset: number, length: number) => unknown;
    return new View(buffer, offset, length);
  };
  const { layout, tables, ...rest } = skeleton as { layout?: number; tables: readonly unknown[] };
  if (layout !== LAYOUT)
    throw new Error(
      `the snapshot has layout ${layout ?? 0}, and this version reads ${LAYOUT}: run one version everywhere`,
    );
  const keys = tables.map((table) => JSON.stringify(table));
  const built = new Map(keys.map((key, index) => [key, known.get(key) ?? build(tables[index])]));
  const whole = { ...(build(rest) as object), tables: keys.map((key) => built.get(key)) };
  return { snapshot: whole as unknown as Together['snapshot'], tables: built };
}
