import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Type } from '../../src/wire/codes.ts';
import { decodeMessage } from '../../src/wire/message.ts';
import { nameToText } from '../../src/wire/name.ts';
import { rdataToText, typeToText } from '../../src/wire/rdata/mod.ts';
import { exchange } from '../support/dns/exchange.ts';
import { encodeQuery } from '../support/dns/query.ts';
import { startEdgewardZones } from '../support/servers/edgeward.ts';
import { startKnot } from '../support/servers/knot.ts';
import { startNamed } from '../support/servers/named.ts';
import { missingPrograms, startAll, type RunningServer } from '../support/servers/process.ts';

const FOLDER = fileURLToPath(new URL('zones', import.meta.url));
const OWNERS = '@ www pool _8443._https.api _dns generic alias out c1 c2 c3 svc l1 l2 none plain a.w tw params'.split(
  ' ',
);

const missing = missingPrograms('additional records of SVCB and HTTPS beside BIND and Knot', ['named', 'knotd']);

describe.skipIf(missing.length > 0)('the additional section of SVCB and HTTPS (RFC 9460 4.1)', () => {
  let servers: RunningServer[] = [];
  beforeAll(async () => {
    servers = await startAll([startNamed(FOLDER), startKnot(FOLDER), startEdgewardZones(FOLDER)]);
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function additionalOf(server: RunningServer, owner: string, type: number): Promise<string[]> {
    const name = owner === '@' ? 'svcb.example.' : `${owner}.svcb.example.`;
    const [reply] = await exchange(server.port, [encodeQuery({ name, type })], { tcp: true });
    const message = decodeMessage(reply as Uint8Array);
    if (!message.ok) throw new Error(message.error);
    return message.value.additionals
      .map(
        (record) => `${nameToText(record.name)} ${typeToText(record.type)} ${rdataToText(record.type, record.rdata)}`,
      )
      .sort();
  }

  it('has all that BIND has, and nothing that neither BIND nor Knot has', async () => {
    let records = 0;
    for (const type of [Type.HTTPS, Type.SVCB]) {
      for (const owner of OWNERS) {
        const [bind, knot, ours] = (await Promise.all(servers.map((server) => additionalOf(server, owner, type)))) as [
          string[],
          string[],
          string[],
        ];
        records += ours.length;
        expect(ours, owner).toEqual(expect.arrayContaining(bind));
        expect([...bind, ...knot], owner).toEqual(expect.arrayContaining(ours));
      }
    }
    expect(records).toBeGreaterThan(30);
  });
});
