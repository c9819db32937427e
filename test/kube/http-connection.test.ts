import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ApiError, type WatchEvent } from '../../src/kube/cluster.ts';
import { kubeconfigFile } from '../../src/kube/credentials.ts';
import { HttpCluster } from '../../src/kube/http-cluster.ts';
import { SERVICES } from '../../src/kube/objects.ts';

// What a connection does that a well-behaved API server never shows.

const directory = mkdtempSync(join(tmpdir(), 'edgeward-http-'));
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  rmSync(directory, { recursive: true, force: true });
});

async function served(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const file = join(mkdtempSync(join(tmpdir(), 'edgeward-http-')), 'kubeconfig');
  const write = (token: string): void =>
    writeFileSync(
      file,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [
          {
            name: 'c',
            cluster: { server: `http://127.0.0.1:${port}/behind/a/proxy`, 'insecure-skip-tls-verify': true },
          },
        ],
        users: [{ name: 'u', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
  write('one');
  const cluster = new HttpCluster(kubeconfigFile(file));
  closers.push(
    () => cluster.close(),
    () => {
      server.closeAllConnections();
      server.close();
    },
  );
  return { cluster, write };
}

test('a watch on which nothing comes ends, and what came is kept', async () => {
  const { cluster } = await served((_, response) => {
    response.writeHead(200);
    response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"MODI');
  });
  const events: WatchEvent[] = [];
  const start = performance.now();
  for await (const event of cluster.watch(SERVICES, { resourceVersion: '1', timeoutSeconds: 60, inactivityMs: 150 }))
    events.push(event);
  expect(events).toEqual([{ type: 'ADDED', object: { metadata: { name: 'a' } } }]);
  expect(performance.now() - start).toBeLessThan(5000);
});

test('what keeps a watch from beginning is an error', async () => {
  const { cluster } = await served((request) => request.socket.destroy());
  const watch = async (): Promise<void> => {
    for await (const event of cluster.watch(SERVICES, { resourceVersion: '1', timeoutSeconds: 60, inactivityMs: 9000 }))
      expect(event).toBeUndefined();
  };
  await expect(watch()).rejects.toThrow(/other side closed|socket hang up|ECONNRESET/u);
});

test('a kubeconfig that is replaced is used from the next request on', async () => {
  const tokens: (string | undefined)[] = [];
  const { cluster, write } = await served((request, response) => {
    tokens.push(request.headers.authorization);
    expect(request.url).toBe('/behind/a/proxy/api/v1/services');
    if (request.headers.authorization === 'Bearer gone') {
      response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"message":"Unauthorized","reason":"Unauthorized"}');
    } else response.end('{"items":[],"metadata":{"resourceVersion":"7"}}');
  });
  await cluster.list(SERVICES);
  write('gone');
  const refused = cluster.list(SERVICES);
  await expect(refused).rejects.toSatisfy((error) => error instanceof ApiError && error.status === 401);
  write('three');
  expect(await cluster.list(SERVICES)).toEqual({ items: [], resourceVersion: '7', continue: undefined });
  expect(tokens).toEqual(['Bearer one', 'Bearer gone', 'Bearer three']);
});

test('an answer that is no JSON is told in few words, with the time to wait', async () => {
  const { cluster } = await served((_, response) => {
    response.writeHead(503, { 'retry-after': '7' }).end(`<html>${'x'.repeat(100_000)}`);
  });
  const error = (await cluster.list(SERVICES).catch((reason: unknown) => reason)) as ApiError;
  expect(error).toMatchObject({ status: 503, retryAfterSeconds: 7 });
  expect(error.message.length).toBeLessThan(300);
});
