import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeMessage, encodeQuery } from '../src/wire/message.ts';
import { nameFromText } from '../src/wire/name.ts';

// From the start of the process to the first right answer, with the demo and all geo data: cold (nothing cached), then
// warm. Prints milliseconds and resident memory. `node bench/start-up.ts [RUNS]`

const PORT = 20000 + Math.floor(Math.random() * 20000);
const POLL_MS = 10;
const LIMIT_MS = 60_000;

/** Asks until the client in Guangdong gets the site there. @returns milliseconds since `start` */
async function firstAnswer(start: number): Promise<number> {
  const name = nameFromText('chat.example.org');
  if (!name.ok) throw new Error(name.error);
  const ecs = { family: 1 as const, source: 24, address: Uint8Array.of(202, 96, 128, 0) };
  const query = encodeQuery({
    id: 1,
    name: name.value,
    type: 1,
    class: 1,
    rd: false,
    edns: { udpSize: 1232, do: false, ecs },
  });
  const socket = createSocket('udp4');
  // A port that nobody listens on yet answers with an error, which is only to be waited out.
  socket.on('error', () => {});
  try {
    return await new Promise<number>((resolve, reject) => {
      const timer = setInterval(() => {
        socket.send(query, PORT, '127.0.0.1', () => {});
        if (performance.now() - start > LIMIT_MS) reject(new Error('no right answer in a minute'));
      }, POLL_MS);
      socket.on('message', (bytes) => {
        const message = decodeMessage(bytes);
        if (!message.ok || message.value.answers.length !== 1) return;
        clearInterval(timer);
        resolve(performance.now() - start);
      });
    });
  } finally {
    socket.close();
  }
}

async function run(cache: string): Promise<{ ms: number; rss: string }> {
  const start = performance.now();
  const args = ['src/edgeward.ts', 'serve', 'config/demo', '--listen', `127.0.0.1:${PORT}`, '--metrics', 'off'];
  const server = spawn(process.execPath, args, { env: { ...process.env, XDG_CACHE_HOME: cache }, stdio: 'ignore' });
  try {
    const ms = Math.round(await firstAnswer(start));
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    return { ms, rss: /VmRSS:\s*(.*)/u.exec(status)![1]! };
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await ended;
  }
}

const cache = mkdtempSync(join(tmpdir(), 'edgeward-start-'));
try {
  console.log('cold', await run(cache));
  for (let i = Number(process.argv[2] ?? 3); i > 0; i--) console.log('warm', await run(cache));
} finally {
  rmSync(cache, { recursive: true });
}
