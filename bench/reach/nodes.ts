import { connect } from 'node:http2';
import { readFileSync } from 'node:fs';
import { MessageReader } from '../../src/replication/messages.ts';

// A crowd of DNS nodes as the control plane sees them: each follows the stream over a connection of its own, checks
// what comes, and says when a generation is there. `node nodes.ts COUNT PORT CERTIFICATE TOKEN`

const [count = '', port = '', certificate = '', token = ''] = process.argv.slice(2);
const ca = readFileSync(certificate, 'utf8');
const seen = new Map<number, { nodes: number; octets: number }>();
let begun = 0;

/** The first gets all of a snapshot; the others come as nodes that have it, from their disks. */
const held: { known?: { epoch: string; generation: number } } = {};

function start(): void {
  const session = connect(`https://127.0.0.1:${port}`, { ca });
  session.once('connect', () => session.setLocalWindowSize(16 * 1024 * 1024));
  const { known } = held;
  const query = known === undefined ? '' : `?epoch=${known.epoch}&generation=${known.generation}`;
  const stream = session.request({ ':path': `/v1/stream${query}`, authorization: `Bearer ${token}` });
  const reader = new MessageReader();
  let first = true;
  let octets = 0;
  stream.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    for (const { header } of reader.push(chunk)) {
      if (first) process.send?.({ type: 'begun', nodes: ++begun });
      else if (header.type === 'snapshot') tell(header.generation, octets);
      if (header.type === 'snapshot') held.known ??= { epoch: header.epoch, generation: header.generation };
      first = false;
      octets = 0;
    }
  });
  stream.on('error', (error) => process.send?.({ type: 'failed', reason: error.message }));
  session.on('error', (error) => process.send?.({ type: 'failed', reason: error.message }));
}

function tell(generation: number, octets: number): void {
  const before = seen.get(generation) ?? { nodes: 0, octets: 0 };
  const now = { nodes: before.nodes + 1, octets: before.octets + octets };
  seen.set(generation, now);
  if (now.nodes === Number(count)) {
    process.send?.({ type: 'all', generation, octets: now.octets, at: performance.timeOrigin + performance.now() });
  }
}

// Handshakes are the costly part, and not what is measured.
start();
while (held.known === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
for (let i = 1; i < Number(count); i++) {
  start();
  if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 100));
}
