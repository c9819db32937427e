import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locate } from '../../src/geo/locate.ts';
import { LocalityMapBuilder, overlayLayer } from '../../src/geo/localities.ts';
import { loadCarriers, loadRegions } from '../../src/geo/mod.ts';
import { parseOverlay } from '../../src/geo/overlay.ts';
import type { LocalityMap } from '../../src/geo/ranges.ts';
import { formatPrefix, ipv4ToText, parseAddress } from '../../src/lib/address.ts';
import { formatProblem } from '../../src/lib/problem.ts';
import { GEO_DATA } from '../support/localities.ts';

const regions = loadRegions(GEO_DATA);
const carriers = loadCarriers(GEO_DATA);

function mapOf(...overlays: string[]): LocalityMap {
  const builder = new LocalityMapBuilder();
  for (const text of overlays) {
    const { entries, problems } = parseOverlay(text, 'nets.csv', regions);
    expect(problems).toEqual([]);
    builder.add(overlayLayer(entries, carriers));
  }
  return builder.build();
}

/** `region isp asn prefix` of an address. */
function at(map: LocalityMap, text: string): string {
  const { locality, prefix } = locate(map, parseAddress(text)!);
  return `${locality.region}|${locality.isp}|${locality.asn} ${formatPrefix(prefix)}`;
}

describe('an overlay', () => {
  it('lets the longer prefix win wherever it stands, and leaves fields that are empty as they are', () => {
    const map = mapOf(
      [
        '# Comments, also before the header.',
        'prefix,region,isp',
        '10.1.0.0/16,,AS3320',
        '10.0.0.0/8,DE,telecom',
        '10.1.2.0/24,FR,',
        '2001:db8::/32,CN-GD,mobile',
        '"2001:db8:8000::/33" , , "unicom" ',
        '',
      ].join('\r\n'),
    );
    expect(at(map, '10.0.0.1')).toBe('DE|telecom|0 10.0.0.0/16');
    expect(at(map, '10.1.0.1')).toBe('DE|deutsche-telekom|3320 10.1.0.0/23');
    expect(at(map, '10.1.2.3')).toBe('FR|deutsche-telekom|3320 10.1.2.0/24');
    expect(at(map, '10.255.0.1')).toBe('DE|telecom|0 10.128.0.0/9');
    expect(at(map, '11.0.0.1')).toBe('||0 11.0.0.0/8');
    expect(at(map, '2001:db8::1')).toBe('CN-GD|mobile|0 2001:db8::/33');
    expect(at(map, '2001:db8:ffff::1')).toBe('CN-GD|unicom|0 2001:db8:8000::/33');
  });

  it('lets the later of two lines for one prefix win, and of two files the later one, whole', () => {
    const twice = mapOf('10.0.0.0/8,DE,telecom\n10.0.0.0/8,FR,mobile');
    expect(at(twice, '10.0.0.1')).toBe('FR|mobile|0 10.0.0.0/8');
    const files = mapOf('10.1.0.0/16,DE,telecom', '10.0.0.0/8,FR,');
    expect(at(files, '10.1.0.1')).toBe('FR|telecom|0 10.1.0.0/16');
  });

  it('may be for everything, or for one address at either end of the space', () => {
    const map = mapOf('0.0.0.0/0,DE,\n255.255.255.255/32,FR,\n::/0,DE,\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,FR,');
    expect(at(map, '0.0.0.0')).toBe('DE||0 0.0.0.0/1');
    expect(at(map, '255.255.255.255')).toBe('FR||0 255.255.255.255/32');
    expect(at(map, '255.255.255.254')).toBe('DE||0 255.255.255.254/32');
    expect(at(map, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(
      'FR||0 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128',
    );
    expect(at(map, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe')).toBe(
      'DE||0 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128',
    );
  });

  it('is what the longest covering line says, field by field', () => {
    const line = fc.tuple(fc.nat(255), fc.nat(8), fc.constantFrom('', 'DE', 'FR'), fc.constantFrom('', 'a', 'b'));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const entries = lines.map(([octet, length, region, isp]) => {
          const base = (octet >> (8 - length)) << (8 - length);
          return { base, length, region, isp };
        });
        const map = mapOf(entries.map((e) => `${e.base}.0.0.0/${e.length},${e.region},${e.isp}`).join('\n'));
        for (let octet = 0; octet < 256; octet++) {
          const expected = { region: '', isp: '', asn: 0 };
          const covering = entries.filter((e) => octet >> (8 - e.length) === e.base >> (8 - e.length));
          for (const e of covering.sort((a, b) => a.length - b.length)) {
            if (e.region !== '') expected.region = e.region;
            if (e.isp !== '') expected.isp = e.isp;
          }
          const bytes = Uint8Array.of(octet, 1, 2, 3);
          expect(locate(map, { family: 4, bytes }).locality, ipv4ToText(bytes)).toEqual(expected);
        }
      }),
      { numRuns: 30 },
    );
  });
});

it('names the line of everything that is wrong, and what would be right', () => {
  const text = [
    'prefix,region,isp',
    '10.0.0.1/8,DE,telecom',
    '10.0.0.0/8,XX,telecom',
    '10.0.0.0/8,DE,Deutsche Telekom',
    '10.0.0.0/8,DE,telecom,3',
    '10.0.0.0/8,DE,AS4294967296',
    'prefix,region,isp',
    '10.0.0.0/33,DE,',
    ',DE,',
    '::ffff:10.0.0.0/104,DE,',
    '2002::/16,DE,',
    '2000::/3,,telecom',
    '10.0.0.0/8,cn_gd,China Telecom',
    '10.0.0.0/8,GB-ENG,China Telecom',
    '10.0.0.0/8,,as4134',
    '10.0.0.0/8,,4134',
    '203.0.113.0/24,CN-GD,telecom',
  ].join('\n');
  const { entries, problems } = parseOverlay(text, 'nets.csv', regions);
  const prefixRemedy = 'write an address and a length, with no bits set beyond it, as in `203.0.113.0/24`';
  const ispRemedy = "write a carrier's name in lower case or an AS number, as in `telecom` or `AS3320`";
  expect(problems.map(formatProblem)).toEqual([
    `nets.csv:2: error: "10.0.0.1/8" is not a prefix; ${prefixRemedy}`,
    'nets.csv:3: error: "XX" is not a region; regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv',
    `nets.csv:4: error: "Deutsche Telekom" is not an ISP; ${ispRemedy}`,
    'nets.csv:5: error: 4 fields; write prefix,region,isp as in `203.0.113.0/24,CN-GD,telecom`',
    `nets.csv:6: error: "AS4294967296" is not an ISP; ${ispRemedy}`,
    `nets.csv:7: error: "prefix" is not a prefix; ${prefixRemedy}`,
    `nets.csv:8: error: "10.0.0.0/33" is not a prefix; ${prefixRemedy}`,
    `nets.csv:9: error: "" is not a prefix; ${prefixRemedy}`,
    'nets.csv:10: error: ::ffff:10.0.0.0/104 is a form of IPv4 addresses; write the IPv4 prefix: it counts for every form',
    'nets.csv:11: error: 2002::/16 is a form of IPv4 addresses; write the IPv4 prefix: it counts for every form',
    'nets.csv:13: error: "cn_gd" is not a region; did you mean `CN-GD` (Guangdong, China)?',
    'nets.csv:14: error: "China Telecom" is not an ISP; did you mean `telecom`?',
    'nets.csv:15: error: "as4134" is not an ISP; did you mean `AS4134`?',
    'nets.csv:16: error: "4134" is not an ISP; did you mean `AS4134`?',
  ]);
  expect(entries.map(({ line }) => line)).toEqual([12, 17]);
});
