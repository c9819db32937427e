import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { listenHttp, type HttpOptions, type HttpServer } from '../../src/observe/http.ts';

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(options: Partial<HttpOptions> = {}): Promise<HttpServer> {
  const server = await listenHttp({
    host: '127.0.0.1',
    port: 0,
    metrics: async () => ({ text: 'answer 42\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' }),
    notReady: () => [],
    ...options,
  });
  servers.push(server);
  return server;
}

async function get(server: HttpServer, path: string) {
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

describe('listenHttp', () => {
  it('gives metrics with their content type', async () => {
    expect(await get(await start(), '/metrics')).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'answer 42\n',
    });
  });

  it('is healthy while it runs, and ready once nothing speaks against it', async () => {
    let reasons = ['geo data are being read', 'no snapshot yet'];
    const server = await start({ notReady: () => reasons });
    expect(await get(server, '/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    const waiting = await get(server, '/readyz');
    expect(waiting.status).toBe(503);
    expect(JSON.parse(waiting.text)).toEqual({ ready: false, reasons });
    reasons = [];
    const ready = await get(server, '/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toEqual({ ready: true, reasons: [] });
  });

  it('answers 404 for other paths and 500 when metrics cannot be had, and goes on', async () => {
    const server = await start({ metrics: () => Promise.reject(new Error('broken')) });
    expect((await get(server, '/')).status).toBe(404);
    expect((await get(server, '/metrics')).status).toBe(500);
    expect((await get(server, '/healthz')).status).toBe(200);
  });

  it('says which address is taken', async () => {
    const { port } = await start();
    await expect(start({ port })).rejects.toThrow(`address already in use 127.0.0.1:${port}`);
  });

  it('closes although a client holds a connection open', async () => {
    const server = await start();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    const ended = new Promise((resolve) => socket.once('close', resolve));
    await server.close();
    servers.length = 0;
    await ended;
    expect(socket.destroyed).toBe(true);
  });
});
