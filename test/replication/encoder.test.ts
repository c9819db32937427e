import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SnapshotEncoder } from '../../src/replication/encoder.ts';
import { differences } from '../../src/replication/patches.ts';
import { SnapshotReplica } from '../../src/replication/replica.ts';
import { type Frame } from '../../src/replication/frame.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { encodeFrame, MessageReader } from '../../src/replication/messages.ts';

const shared = (values: readonly number[]): Int32Array<SharedArrayBuffer> => {
  const array = new Int32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
};

/** Something with the outline of a snapshot: what is coded goes by its paths alone. */
interface Toy {
  words: Int32Array[];
  rows: Int32Array;
  current: Int32Array;
  map: Int32Array;
  ttl: number;
}

const snapshotOf = ({ words, rows, current, map, ttl }: Toy): Snapshot =>
  ({
    serial: 1,
    generation: 1,
    tables: words.map((each) => ({ words: each, bytes: new Uint8Array(each.buffer) })),
    steering: { rows, live: { current }, maps: [map], privateClass: ttl },
  }) as unknown as Snapshot;

function send(frame: Frame): { header: Frame['header']; octets: Uint8Array } {
  const [message] = new MessageReader().push(encodeFrame(frame));
  if (message?.header.type !== 'snapshot') throw new Error('no snapshot');
  return { header: message.header, octets: message.octets };
}

const plain = (snapshot: Snapshot | undefined): unknown => {
  const { serial, generation, ...rest } = snapshot!;
  void serial;
  void generation;
  return JSON.parse(
    JSON.stringify(rest, (_, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value)),
  );
};

/** What can happen to a snapshot from one generation to the next. */
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('write' as const), at: fc.nat(63), value: fc.integer() }),
    fc.record({ do: fc.constant('current' as const), at: fc.nat(7), value: fc.integer() }),
    fc.record({ do: fc.constant('table' as const), at: fc.nat(3), value: fc.integer() }),
    fc.record({ do: fc.constant('grow' as const), at: fc.nat(40), value: fc.integer() }),
    fc.record({ do: fc.constant('map' as const), at: fc.nat(16_000), value: fc.integer() }),
    fc.record({ do: fc.constant('ttl' as const), at: fc.nat(3), value: fc.nat() }),
  ),
  { maxLength: 12 },
);

test('a replica that follows, or that comes late, has what there is', () => {
  fc.assert(
    fc.property(steps, fc.nat(11), (todo, late) => {
      const toy: Toy = {
        words: [shared([1, 2]), shared([3])],
        rows: shared(Array.from({ length: 64 }, () => 0)),
        current: shared([1, 2, 3, 4, 5, 6, 7, 8]),
        map: shared(Array.from({ length: 16_500 }, (_, i) => i)),
        ttl: 0,
      };
      const encoder = new SnapshotEncoder('run');
      const follower = new SnapshotReplica();
      let comer: SnapshotReplica | undefined;
      follower.apply(send(encoder.next(snapshotOf(toy))!));
      for (const [index, step] of todo.entries()) {
        const { at, value } = step;
        if (step.do === 'write') toy.rows[at % toy.rows.length] = value;
        if (step.do === 'current') toy.current[at] = value;
        if (step.do === 'table') toy.words = [...toy.words.slice(0, at), shared([value, at])];
        if (step.do === 'grow') toy.rows = shared([...toy.rows, ...Array.from({ length: at }, () => value)]);
        if (step.do === 'map')
          toy.map = shared(toy.map.map((each, i) => (i === at ? value : each)) as unknown as number[]);
        if (step.do === 'ttl') toy.ttl = value;
        const frame = encoder.next(snapshotOf(toy));
        if (frame !== undefined) {
          follower.apply(send(frame));
          comer?.apply(send(frame));
        }
        if (index === late) {
          comer = new SnapshotReplica();
          comer.apply(send(encoder.full(new Set())));
        }
        expect(plain(follower.snapshot)).toEqual(plain(snapshotOf(toy)));
        if (comer !== undefined) expect(plain(comer.snapshot)).toEqual(plain(snapshotOf(toy)));
        expect(encoder.next(snapshotOf(toy))).toBeUndefined();
      }
    }),
    { seed: 5, numRuns: 40 },
  );
});

test('the octets of a change are in proportion to the change', () => {
  const toy: Toy = {
    words: [shared([1])],
    rows: shared(Array.from({ length: 1_000_000 }, (_, i) => i)),
    current: shared([0]),
    map: shared(Array.from({ length: 100_000 }, (_, i) => i)),
    ttl: 0,
  };
  const encoder = new SnapshotEncoder('run');
  encoder.next(snapshotOf(toy));
  toy.rows[500_000] = -1;
  toy.current[0] = 7;
  const frame = encoder.next(snapshotOf(toy))!;
  expect(encodeFrame(frame).length).toBeLessThan(400);
  // What says where to look comes last.
  expect(frame.header.buffers.at(-1)!.size).toBe(4);
});

test('a buffer that the receiver has is not sent again', () => {
  const map = shared(Array.from({ length: 100_000 }, (_, i) => i * 7));
  const toy: Toy = { words: [], rows: shared([1]), current: shared([1]), map, ttl: 0 };
  const first = new SnapshotEncoder('first run');
  const replica = new SnapshotReplica();
  replica.apply(send(first.next(snapshotOf(toy))!));
  const second = new SnapshotEncoder('second run');
  second.next(snapshotOf({ ...toy, map: shared([...map]) }));
  const frame = second.full(new Set(replica.known.keys()));
  expect(encodeFrame(frame).length).toBeLessThan(2000);
  replica.apply(send(frame));
  expect(plain(replica.snapshot)).toEqual(plain(snapshotOf(toy)));
});

test('a snapshot of another layout is not taken, from the network or from the disk', () => {
  const toy: Toy = { words: [shared([1])], rows: shared([1]), current: shared([1]), map: shared([1]), ttl: 0 };
  const replica = new SnapshotReplica();
  const { header, octets } = send(new SnapshotEncoder('run').next(snapshotOf(toy))!);
  const { layout: _, ...before } = header.skeleton as { layout: number };
  for (const skeleton of [before, { ...before, layout: 2 ** 20 }])
    expect(() => replica.apply({ header: { ...header, skeleton }, octets })).toThrow(
      /has layout \d+, and this version/u,
    );
  expect(replica.snapshot).toBeUndefined();
  replica.apply({ header, octets });
  const saved = replica.save();
  const copy = new SnapshotReplica();
  copy.apply(send({ header: saved.header, payload: saved.octets }));
  expect(plain(copy.snapshot)).toEqual(plain(snapshotOf(toy)));
});

test('a frame that does not follow, or makes no sense, changes nothing', () => {
  const toy: Toy = { words: [shared([1])], rows: shared([1, 2]), current: shared([1]), map: shared([1]), ttl: 0 };
  const encoder = new SnapshotEncoder('run');
  const replica = new SnapshotReplica();
  const first = send(encoder.next(snapshotOf(toy))!);
  replica.apply(first);
  toy.rows[0] = 9;
  encoder.next(snapshotOf(toy));
  toy.rows[1] = 9;
  const third = send(encoder.next(snapshotOf(toy))!);
  expect(() => replica.apply(third)).toThrow(/generation 2 is to be known/u);
  expect(() => replica.apply({ ...first, octets: first.octets.subarray(1) })).toThrow(/octets came in place of/u);
  expect(plain(replica.snapshot)).toMatchObject({ steering: { rows: [1, 2] } });
});

test('a message that was damaged on its way is refused', () => {
  const toy: Toy = { words: [shared([1])], rows: shared([1, 2]), current: shared([1]), map: shared([1]), ttl: 0 };
  const bytes = encodeFrame(new SnapshotEncoder('run').next(snapshotOf(toy))!);
  bytes[bytes.length - 3]! ^= 64;
  expect(() => new MessageReader().push(bytes)).toThrow(/its checksum is another/u);
});

test('differences are where two buffers differ', () => {
  const octets = fc.uint8Array({ minLength: 1, maxLength: 9000 });
  fc.assert(
    fc.property(octets, fc.array(fc.tuple(fc.nat(9000), fc.nat(255)), { maxLength: 20 }), (a, changes) => {
      const b = Uint8Array.from(a);
      for (const [at, value] of changes) b[at % b.length] = value;
      const patched = Uint8Array.from(a);
      for (const [at, length] of differences(a, b)) patched.set(b.subarray(at, at + length), at);
      expect(patched).toEqual(b);
    }),
    { seed: 6 },
  );
});
