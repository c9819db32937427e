import { createSocket, type Socket } from 'node:dgram';

/** A UDP port that passes queries on to a server and its answers back, and keeps both. */
export interface Recorder {
  readonly port: number;
  /** What passed, in order of the answers. */
  readonly exchanges: { readonly query: Uint8Array; readonly answer: Uint8Array }[];
  close(): Promise<void>;
}

/** Starts a recorder in front of 127.0.0.1:`serverPort`. Each query has a socket of its own, closed after 5 s. */
export async function startRecorder(serverPort: number): Promise<Recorder> {
  const front = createSocket('udp4');
  const open = new Set<Socket>();
  const exchanges: { query: Uint8Array; answer: Uint8Array }[] = [];
  front.on('message', (query, client) => {
    const back = createSocket('udp4');
    open.add(back);
    const end = (): void => {
      if (open.delete(back)) back.close();
    };
    const timer = setTimeout(end, 5000);
    timer.unref();
    back.once('message', (answer) => {
      exchanges.push({ query: new Uint8Array(query), answer: new Uint8Array(answer) });
      front.send(answer, client.port, client.address);
      clearTimeout(timer);
      end();
    });
    back.on('error', end);
    back.send(query, serverPort, '127.0.0.1');
  });
  await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
  const { port } = front.address();
  const close = async (): Promise<void> => {
    for (const back of open) back.close();
    open.clear();
    await new Promise<void>((resolve) => front.close(() => resolve()));
  };
  return { port, exchanges, close };
}
