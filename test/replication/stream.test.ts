import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { SnapshotEncoder } from '../../src/replication/encoder.ts';
import { SnapshotReplica } from '../../src/replication/replica.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { StreamClient, type StreamClientOptions } from '../../src/replication/client.ts';
import { encodeFrame } from '../../src/replication/messages.ts';
import { LastGood } from '../../src/replication/last-good.ts';
import { KeptMemory, MemorySigner, StreamMemory, type MemoryMessage } from '../../src/replication/node-memory.ts';
import { StreamServer } from '../../src/replication/server.ts';
import { findProgram } from '../support/servers/process.ts';

const TOKEN = 'a-token-of-some-length';

/** As much of a snapshot as coding needs. */
function toy(): { snapshot: Snapshot; rows: Int32Array } {
  const rows = new Int32Array(new SharedArrayBuffer(4096));
  const map = new Int32Array(new SharedArrayBuffer(100_000)).fill(7);
  const snapshot = { serial: 1, generation: 1, tables: [], steering: { rows, maps: [map] } } as unknown as Snapshot;
  return { snapshot, rows };
}

const rowsOf = (replica: SnapshotReplica): Int32Array => replica.snapshot!.steering.rows;

describe.skipIf(findProgram('openssl') === undefined)('a control plane and DNS nodes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'edgeward-stream-'));
  const path = (name: string): string => join(directory, name);
  const pem = (name: string): string => readFileSync(path(name), 'utf8');
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const closers: (() => Promise<void>)[] = [];

  beforeAll(() => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    for (const name of ['authority', 'stranger']) {
      openssl(
        'req',
        '-x509',
        ...key,
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        path(`${name}.key`),
        '-out',
        path(`${name}.crt`),
      );
    }
    writeFileSync(path('names'), 'subjectAltName=IP:127.0.0.1');
    for (const [name, by] of [
      ['control', 'authority'],
      ['node', 'authority'],
      ['other', 'stranger'],
    ] as const) {
      openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
      const signing = ['-CA', path(`${by}.crt`), '-CAkey', path(`${by}.key`), '-CAcreateserial', '-days', '2'];
      openssl(
        'x509',
        '-req',
        '-in',
        path(`${name}.csr`),
        ...signing,
        '-extfile',
        path('names'),
        '-out',
        path(`${name}.crt`),
      );
    }
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function controlPlane(epoch = 'run', port = 0) {
    const told: MemoryMessage[] = [];
    const state = { isHolding: false };
    const encoder = new SnapshotEncoder(epoch);
    const full = vi.fn<(have: readonly string[]) => Promise<{ generation: number; message: Buffer }>>(async (have) => ({
      generation: encoder.generation,
      message: encodeFrame(encoder.full(new Set(have))),
    }));
    const server = await StreamServer.listen(epoch, {
      host: '127.0.0.1',
      port,
      certificate: pem('control.crt'),
      key: pem('control.key'),
      clientAuthority: pem('authority.crt'),
      token: TOKEN,
      full,
      age: () => 3,
      wantsMemory: () => true,
      isHolding: () => state.isHolding,
      onMemory: async (memory) => void told.push(memory),
    });
    let open = true;
    const close = async (): Promise<void> => {
      if (open) await server.close();
      open = false;
    };
    closers.push(close);
    const publish = (snapshot: Snapshot): number => {
      const message = encodeFrame(encoder.next(snapshot)!);
      server.publish(encoder.generation, message);
      return message.length;
    };
    return { server, publish, full, close, told, state };
  }

  function node(
    port: number,
    credentials: ReturnType<StreamClientOptions['credentials']>,
    replica = new SnapshotReplica(),
    memory = new StreamMemory(),
  ) {
    const lost: string[] = [];
    const client = new StreamClient({
      servers: [`https://127.0.0.1:${port}`],
      credentials: () => ({ authority: pem('authority.crt'), ...credentials }),
      replica,
      memory,
      onMemory: () => {},
      onChange: () => {},
      onConnected: () => {},
      onLost: (_, reason) => lost.push(reason),
    });
    closers.push(() => client.close());
    client.start();
    return { client, replica, lost, memory };
  }

  test('a certificate of the authority lets in, and so does the token; nothing else does', async () => {
    const { server, publish } = await controlPlane();
    publish(toy().snapshot);
    const certificate = (name: string) => ({ certificate: pem(`${name}.crt`), key: pem(`${name}.key`) });
    const allowed = [node(server.port, certificate('node')), node(server.port, { token: TOKEN })];
    const refused = [
      node(server.port, certificate('other')),
      node(server.port, { token: `${TOKEN}.` }),
      node(server.port, {}),
    ];
    for (const { replica, client } of allowed) {
      await vi.waitFor(() => expect(replica.generation).toBe(1), 5000);
      expect(client.age).toBeGreaterThanOrEqual(3);
    }
    for (const { replica, lost } of refused) {
      await vi.waitFor(() => expect(lost.join()).toMatch(/401/u), 5000);
      expect(replica.generation).toBe(0);
    }
  });

  test('changes arrive; who comes back gets what it missed, and no more', async () => {
    const { server, publish, full } = await controlPlane();
    const { snapshot, rows } = toy();
    publish(snapshot);
    const first = node(server.port, { token: TOKEN });
    await vi.waitFor(() => expect(first.replica.generation).toBe(1), 5000);
    rows[3] = 9;
    expect(publish(snapshot)).toBeLessThan(300);
    await vi.waitFor(() => expect(rowsOf(first.replica)[3]).toBe(9), 5000);
    await first.client.close();
    rows[4] = 5;
    publish(snapshot);
    node(server.port, { token: TOKEN }, first.replica);
    await vi.waitFor(() => expect(rowsOf(first.replica)[4]).toBe(5), 5000);
    expect(full).toHaveBeenCalledTimes(1);
  });

  test('another control plane takes over: what a node has of it is not sent again', async () => {
    const one = await controlPlane('first');
    one.publish(toy().snapshot);
    const { replica, client } = node(one.server.port, { token: TOKEN });
    await vi.waitFor(() => expect(replica.generation).toBe(1), 5000);
    await one.close();
    const { snapshot, rows } = toy();
    rows[1] = 77;
    const two = await controlPlane('second');
    two.publish(snapshot);
    await client.close();
    node(two.server.port, { token: TOKEN }, replica);
    await vi.waitFor(() => expect(replica.epoch).toBe('second'), 5000);
    expect(rowsOf(replica)[1]).toBe(77);
    expect(two.full.mock.calls[0]![0]).toHaveLength(1);
  });

  test('a node that has very much comes back as well', async () => {
    const tables = Array.from({ length: 1500 }, (_, i) => {
      const words = new Int32Array(new SharedArrayBuffer(64 * 1024)).fill(i + 1);
      return { words };
    });
    const whole = { ...toy().snapshot, tables } as unknown as Snapshot;
    const one = await controlPlane('first');
    one.publish(whole);
    const { replica, client } = node(one.server.port, { token: TOKEN });
    await vi.waitFor(() => expect(replica.generation).toBe(1), 20_000);
    expect(replica.known.size).toBe(1501);
    await client.close();
    const two = await controlPlane('second');
    two.publish(whole);
    const { lost } = node(two.server.port, { token: TOKEN }, replica);
    await vi.waitFor(() => expect(replica.epoch).toBe('second'), 20_000);
    expect(lost).toEqual([]);
  });

  test('a node remembers what it is given, and tells it to a control plane that does not know it', async () => {
    const signer = new MemorySigner('secret');
    const one = await controlPlane('first');
    one.publish(toy().snapshot);
    const entries = ['a', 'b', 'c'].map((key) => signer.sign(key, `content of ${key}`));
    one.server.remember({ type: 'memory', isWhole: true, put: entries.slice(0, 2), gone: [] });
    const { memory, client, replica, lost } = node(one.server.port, { token: TOKEN });
    await vi.waitFor(() => expect(memory.whole().put).toHaveLength(2), 5000);
    one.server.remember({ type: 'memory', isWhole: false, put: [entries[2]!], gone: ['a'] });
    await vi.waitFor(() => expect(memory.whole().put.map(([key]) => key)).toEqual(['b', 'c']), 5000);
    // The same control plane knows it, and what it was before.
    await client.close();
    one.server.remember({ type: 'memory', isWhole: false, put: [], gone: ['b'] });
    const again = node(one.server.port, { token: TOKEN }, replica, memory);
    await vi.waitFor(() => expect(memory.whole().put.map(([key]) => key)).toEqual(['c']), 5000);
    expect(one.told).toEqual([]);
    await again.client.close();
    await one.close();
    // Another one is told before it serves, though it has nothing to serve yet.
    const two = await controlPlane('second');
    const { client: third } = node(two.server.port, { token: TOKEN }, replica, memory);
    await vi.waitFor(() => expect(two.told).toHaveLength(1), 5000);
    expect(signer.verified(two.told[0]!.put)).toEqual([['c', 'content of c']]);
    expect(replica.epoch).toBe('first');
    two.publish(toy().snapshot);
    await vi.waitFor(() => expect(replica.epoch).toBe('second'), 15_000);
    // One that holds what it was told has nothing of its own yet that could take its place.
    expect(memory.whole().put.map(([key]) => key)).toEqual(['c']);
    two.server.remember({ type: 'memory', isWhole: true, put: [], gone: [] });
    await vi.waitFor(() => expect(memory.isEmpty).toBe(true), 5000);
    expect(lost).toEqual([]);
    await third.close();
    // While changes are held, a control plane knows less than nodes do that come.
    two.state.isHolding = true;
    const known = new StreamMemory();
    known.apply({ type: 'memory', isWhole: true, put: entries, gone: [] });
    const fourth = node(two.server.port, { token: TOKEN }, replica, known);
    await vi.waitFor(() => expect(fourth.client.age).toBeDefined(), 5000);
    expect(two.told.at(-1)?.put).toHaveLength(3);
    expect(known.whole().put).toHaveLength(3);
  });

  test('memory that no control plane has signed is not believed; it survives on disk', () => {
    const signer = new MemorySigner('secret');
    const entry = signer.sign('key', 'content');
    const forged = ['key', 'other', entry[2]] as const;
    expect(signer.verified([entry, forged, ['a', 'b', ''], new MemorySigner('other').sign('key', 'content')])).toEqual([
      ['key', 'content'],
    ]);
    const kept = new KeptMemory(path('memory'));
    kept.read();
    kept.memory.apply({ type: 'memory', isWhole: true, put: [entry], gone: [] });
    kept.write();
    const back = new KeptMemory(path('memory'));
    back.read();
    expect(back.memory.digest).toBe(kept.memory.digest);
    expect(back.memory.whole().put).toEqual([entry]);
  });

  test('the last good snapshot survives, and damage is noticed', () => {
    const replica = new SnapshotReplica();
    const { snapshot, rows } = toy();
    rows[2] = 6;
    const { header, payload } = new SnapshotEncoder('run').next(snapshot)!;
    replica.apply({ header, octets: Buffer.concat(payload) });
    const disk = new LastGood(path('data'));
    expect(disk.read()).toBeUndefined();
    disk.write(replica);
    const back = disk.read()!;
    expect([back.epoch, back.generation, rowsOf(back)[2]]).toEqual(['run', 1, 6]);
    expect([...back.known.keys()]).toEqual([...replica.known.keys()]);
    const [hash] = replica.known.keys();
    const column = path(`data/columns/${hash}`);
    const bytes = readFileSync(column);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(column, bytes);
    expect(() => disk.read()).toThrow(/is damaged/u);
  });
});
