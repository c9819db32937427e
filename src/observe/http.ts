import { fastify } from 'fastify';

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  readonly metrics: () => Promise<{ text: string; contentType: string }>;
  /** Why the server is not ready; empty when it is. */
  readonly notReady: () => readonly string[];
  /** How old what is answered by is; of a DNS node. */
  readonly knowledge?: () => { readonly generation: number; readonly ageSeconds: number | null };
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
 * @throws the system's error, which names the address, when it cannot be bound
 */
export async function listenHttp({ host, port, metrics, notReady, knowledge }: HttpOptions): Promise<HttpServer> {
  const app = fastify({ forceCloseConnections: true, bodyLimit: 1024, requestTimeout: REQUEST_TIMEOUT_MS });
  app.get('/metrics', async (_, reply) => {
    const { text, contentType } = await metrics();
    return reply.type(contentType).send(text);
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_, reply) => {
    const reasons = notReady();
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .send({ ready: reasons.length === 0, reasons, ...knowledge?.() });
  });
  await app.listen({ host, port });
  const address = app.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => app.close(),
  };
}
