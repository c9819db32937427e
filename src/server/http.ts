import { fastify } from 'fastify';

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  /** Why the server is not ready; empty when it is. */
  readonly notReady: () => readonly string[];
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A request that is not there whole by then is given up; scrapers send theirs at once. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Metrics and health over HTTP: `/metrics` (Prometheus text), `/healthz` (the process runs), `/readyz` (it answers
 * queries; else 503 and the reasons).
 * @throws Error that names the address and the system's reason when it cannot be bound
 */
export async function listenHttp({ host, port, metrics, notReady }: HttpOptions): Promise<HttpServer> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 1024, requestTimeout: REQUEST_TIMEOUT_MS });
  app.get('/metrics', async (_, reply) => {
    const { text, contentType } = await metrics();
    return reply.type(contentType).send(text);
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    const reasons = notReady();
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons });
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is taken by another program' : (code ?? String(error));
    const at = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    throw new Error(`metrics cannot listen on ${at}: ${reason}`, { cause: error });
  }
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => app.close(),
  };
}
