import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { ApiError, type Cluster } from '../../src/kube/cluster.ts';
import { resourceType, type ResourceType } from '../../src/kube/objects.ts';

/** Clusters in memory over real HTTPS: what a control plane of hundreds of them asks for, which is lists and watches. */
export async function serveClusters(
  clusters: ReadonlyMap<string, Cluster>,
  tls: { readonly cert: string; readonly key: string },
): Promise<{ server: Server; port: number }> {
  const server = createServer(tls, (request, response) => {
    void answer(clusters, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function answer(
  clusters: ReadonlyMap<string, Cluster>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const [, name = '', ...path] = url.pathname.split('/');
  const cluster = clusters.get(name);
  if (cluster === undefined) return fail(response, new ApiError(404, { message: 'no such cluster' }));
  response.setHeader('content-type', 'application/json');
  if (path[0] === 'readyz') return void response.end('{}');
  const type = typeOf(path);
  if (url.searchParams.get('watch') !== 'true') {
    const { items, resourceVersion } = await cluster.list(type);
    return void response.end(JSON.stringify({ items, metadata: { resourceVersion } }));
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  response.flushHeaders();
  try {
    const events = cluster.watch(type, {
      resourceVersion: url.searchParams.get('resourceVersion') ?? undefined,
      sendInitialEvents: url.searchParams.get('sendInitialEvents') === 'true',
      timeoutSeconds: Number(url.searchParams.get('timeoutSeconds')),
      inactivityMs: 1e9,
      signal: gone.signal,
    });
    for await (const event of events) response.write(`${JSON.stringify(event)}\n`);
  } catch (error) {
    if (gone.signal.aborted) return undefined;
    const { status, message } = error instanceof ApiError ? error : { status: 500, message: String(error) };
    response.write(`${JSON.stringify({ type: 'ERROR', object: { code: status, message } })}\n`);
  }
  return void response.end();
}

/** `api/v1/services`, `apis/apps/v1/deployments`. */
function typeOf([root, ...rest]: readonly string[]): ResourceType {
  const [group, version, plural] = root === 'api' ? ['', rest[0], rest[1]] : rest;
  return resourceType(group ?? '', version ?? '', plural ?? '', '');
}

function fail(response: ServerResponse, { status, message }: ApiError): void {
  response.statusCode = status;
  response.end(JSON.stringify({ code: status, message }));
}
