import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { explainAddress, type AddressExplanation } from '../../src/geo/explain.ts';
import { loadLocalityMap, type GeoSources } from '../../src/geo/mod.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { parseAddress } from '../../src/lib/address.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { builtInLocalities, builtInSources, GEO_DATA } from '../support/localities.ts';
import { writeMmdb } from '../support/mmdb-writer.ts';

describe('explainAddress', () => {
  const sources = builtInSources();
  let map: LocalityMap;
  beforeAll(async () => {
    map = await builtInLocalities();
  }, 60_000);
  const explain = (text: string): Promise<AddressExplanation> => explainAddress(parseAddress(text)!, sources, map);

  it('says where an address is, in whose network, and how that is known', async () => {
    expect(await explain('202.96.128.86')).toEqual({
      address: '202.96.128.86',
      locality: { region: 'CN-GD', isp: 'telecom', asn: 4134 },
      regionPath: ['Guangdong', 'China', 'Asia', 'World'],
      prefix: '202.96.128.0/21',
      region: { source: 'ip2region 2.3.0', detail: 'ip2region.db: province inside China' },
      isp: {
        source: '@ip-location-db/asn',
        detail: expect.stringMatching(/^AS4134, carriers.csv line \d+: China Telecom$/u),
      },
    });
  });

  it('says the same of an address that carries that one', async () => {
    const { address, embedded, ...rest } = await explain('64:ff9b::202.96.128.86');
    expect([address, embedded]).toEqual(['64:ff9b::ca60:8056', '202.96.128.86']);
    const { address: _, ...inside } = await explain('202.96.128.86');
    expect(rest).toEqual(inside);
  });

  it('names the network of the country data, and an AS number that is no carrier', async () => {
    const { region, isp, prefix } = await explain('8.8.8.8');
    expect(region).toEqual({
      source: '@ip-location-db/geo-whois-asn-country-mmdb',
      detail: expect.stringMatching(/^country_code US, network of \/\d+$/u),
    });
    expect(isp).toEqual({ source: '@ip-location-db/asn', detail: 'AS15169, no carrier' });
    expect(prefix).toBe('8.8.8.0/24');
  });

  it('knows what nobody knows', async () => {
    const unknown = { source: 'none', detail: 'no source knows it' };
    expect(await explain('10.0.0.1')).toEqual({
      address: '10.0.0.1',
      locality: { region: '', isp: '', asn: 0 },
      regionPath: [],
      prefix: '10.0.0.0/8',
      region: unknown,
      isp: unknown,
    });
  });
});

it('names the line of an overlay that counts, for region and ISP apart', async () => {
  const directory = temporaryDirectory({
    'a.csv': 'prefix,region,isp\n10.0.0.0/8,DE,telecom\n10.1.0.0/16,,mobile\n',
    'b.csv': '# later\n10.1.2.0/24,FR,\n2001:db8::/32,JP,\n10.0.0.0/7,,AS3320\n',
  });
  const small = join(directory, 'small.mmdb');
  const record = { country_code: 'US', autonomous_system_number: 64500 };
  writeFileSync(small, writeMmdb([['10.0.0.0/8', record]], { databaseType: 'Small', ipVersion: 4 }));
  const [a, b] = [join(directory, 'a.csv'), join(directory, 'b.csv')];
  const sources: GeoSources = {
    dataDirectory: GEO_DATA,
    overlays: [a, b],
    mmdb: { city: small, isp: small },
    cacheDirectory: undefined,
  };
  const { map } = await loadLocalityMap(sources);
  const explain = (text: string): Promise<AddressExplanation> => explainAddress(parseAddress(text)!, sources, map!);
  const origins = async (text: string): Promise<unknown> => {
    const { region, isp, locality } = await explain(text);
    return { ...locality, from: [region, isp].map(({ source, detail }) => `${source}: ${detail}`) };
  };
  const everybody = `${b}: line 4, 10.0.0.0/7`;
  const telekom = { isp: 'deutsche-telekom', asn: 3320 };
  expect(await origins('10.1.2.3')).toEqual({
    region: 'FR',
    ...telekom,
    from: [`${b}: line 2, 10.1.2.0/24`, everybody],
  });
  expect(await origins('10.1.3.3')).toEqual({
    region: 'DE',
    ...telekom,
    from: [`${a}: line 2, 10.0.0.0/8`, everybody],
  });
  expect(await origins('11.0.0.0')).toEqual({ region: '', ...telekom, from: ['none: no source knows it', everybody] });
  expect((await explain('2001:db8::1')).region).toEqual({ source: b, detail: 'line 3, 2001:db8::/32' });
});
