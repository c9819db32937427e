import { describe, expect, it, test } from 'vitest';
import { loadRegions } from '../../src/geo/mod.ts';
import { continentDoubt, regionRemedy, regionsCalled } from '../../src/model/region-names.ts';
import { GEO_DATA } from '../support/localities.ts';

const regions = loadRegions(GEO_DATA);

describe('what other products call a region, and what we call it', () => {
  it.each([
    ['other letters', ['cn-gd', 'Cn-Gd', 'CN_GD', 'cn_gd', 'CN GD', 'CN/GD', 'CN.GD'], 'CN-GD'],
    ['CLDR', ['cngd', 'CNGD'], 'CN-GD'],
    ['MaxMind and others, before 2017', ['CN-44'], 'CN-GD'],
    ['English names', ['Guangdong', 'guangdong', 'Guangdong Province'], 'CN-GD'],
    ['Chinese names', ['广东', '广东省'], 'CN-GD'],
    ['Alibaba Cloud DNS, a province', ['cn_region_guangdong'], 'CN-GD'],
    ['MaxMind, Route 53, Azure', ['gb-eng', 'GBENG', 'England'], 'GB-ENG'],
    ['the internet', ['UK', 'uk', 'gb', 'GBR', 'United Kingdom', 'Great Britain', '826'], 'GB'],
    ['alpha-3 and names', ['USA', 'usa', 'us', 'United States', 'United States of America', '840'], 'US'],
    ['Germany', ['de', 'DEU', 'Germany', 'germany', '276'], 'DE'],
    ['the European Union', ['EL'], 'GR'],
    ['UN M49', ['150'], 'europe'],
    ['UN M49 of a country with zeros', ['004', '4'], 'AF'],
    ['MaxMind, Route 53, gdnsd', ['EU', 'eu', 'Europe', 'EUROPE'], 'europe'],
    ['Azure', ['GEO-EU'], 'europe'],
    ['Azure, others', ['GEO-NA'], 'north-america'],
    ['NS1', ['SOUTH-AMERICA', 'South America', 'GEO-SA', 'os_samerica'], 'south-america'],
    ['Route 53', ['OC', 'Oceania', 'os_oceanica'], 'oceania'],
    [
      'gdnsd, Alibaba, Route 53, Cloudflare',
      ['default', 'global', '*', 'any', 'all', 'WORLD', 'World', '001', '默认', '全球'],
      'world',
    ],
    ['Alibaba Cloud DNS, abroad', ['os_asia_jp'], 'JP'],
    ['old ISO 3166-2', ['FR-75'], 'FR-75C'],
    ['old ISO 3166-2 of India', ['IN-OR'], 'IN-OD'],
    ['a country of its own', ['FR-971', 'FR-GP', 'US-PR'].slice(0, 2), 'GP'],
    ['Puerto Rico', ['US-PR', 'Puerto Rico', 'PRI'], 'PR'],
    ['Hong Kong', ['CN-HK', 'Hong Kong', 'HongKong', 'HKG', '香港'], 'HK'],
    ['names in use', ['South Korea', 'Republic of Korea', 'KOR'], 'KR'],
    ['names in use', ['Czech Republic', 'Czechia'], 'CZ'],
    ['names in use', ['Russian Federation', 'Russia'], 'RU'],
    ['without accents', ['sao paulo', 'São Paulo'], 'BR-SP'],
    ['not Dominica', ['Dominican Republic', 'Dominican', 'DOM'], 'DO'],
  ])('%s: %j is %s', (_, texts, code) => {
    expect(texts.map((text) => regionsCalled(text, regions))).toEqual(texts.map(() => [code]));
    for (const text of texts)
      expect(regionRemedy(text, regions)).toMatch(new RegExp(`^did you mean \`${code}\`(?: \\(|\\?)`, 'u'));
  });

  it.each([
    // Places with one name: all are told, none is chosen.
    ['Georgia', 'write `GE` (Georgia) or `US-GA` (Georgia, United States)'],
    [
      'Luxembourg',
      'write `LU` (Luxembourg), `BE-WLX` (Luxembourg, Wallonia, Belgium) or `LU-LU` (Luxembourg, Luxembourg)',
    ],
    ['Korea', 'write `KP` (North Korea) or `KR` (South Korea)'],
    ['Congo', 'write `CD` (Congo - Kinshasa) or `CG` (Congo - Brazzaville)'],
    ['019', 'write `north-america` and `south-america`'],
    ['APAC', 'write `asia` and `oceania`'],
    // What is no region.
    ['EMEA', 'write `europe`, `africa` and the countries of the Middle East that you mean'],
    ['GEO-ME', 'write the countries of the Middle East that you mean'],
    ['oversea', 'no region is all but one country: write a rule for `CN`, and one for `world` after it'],
    // Lines of Alibaba Cloud DNS and DNSPod are a region and an ISP.
    [
      'cn_telecom_guangdong',
      'write the region `CN-GD` and the ISP `telecom`: a line of another product combines the two',
    ],
    ['cn_unicom', 'write the region `CN` and the ISP `unicom`: a line of another product combines the two'],
    ['cn_edu_beijing', 'write the region `CN-BJ` and the ISP `cernet`: a line of another product combines the two'],
    ['广东电信', 'write the region `CN-GD` and the ISP `telecom`: a line of another product combines the two'],
    ['cn_telecom_huabei', 'write the provinces that you mean, and the ISP `telecom`'],
    // A subdivision that is none: those that there are.
    [
      'CA-BCX',
      'subdivisions of `CA` are `CA-AB`, `CA-BC`, `CA-MB`, `CA-NB`, `CA-NL`, `CA-NS`, `CA-NT`, `CA-NU` and 5 more',
    ],
    ['HK-X', '`HK` has no subdivisions here: write `HK`'],
    ['us-east-1', expect.stringMatching(/^subdivisions of `US` are `US-AL`, .* and 43 more$/u)],
  ])('%s: %s', (text, remedy) => {
    expect(regionRemedy(text, regions)).toEqual(remedy);
  });

  const GENERAL = 'regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv';

  it('offers no other place for what is near to several, or for a code', () => {
    for (const text of [
      'DK1',
      'XX',
      'XXX',
      'ZZ',
      'D',
      'DEE',
      'Austrlia',
      'Irak',
      'Nigria',
      'europe-west1',
      'ap-southeast-1',
      'EN',
      'moon',
      '',
    ])
      expect([text, regionRemedy(text, regions)]).toEqual([text, GENERAL]);
  });

  it('offers the one name that a long word is a misspelling of', () => {
    expect(regionRemedy('germny', regions)).toBe('did you mean `DE` (Germany)?');
    expect(regionRemedy('Swizerland', regions)).toBe('did you mean `CH` (Switzerland)?');
  });

  it('knows each region by its own code, name and other codes, or tells it among those of one name', () => {
    const missed: string[] = [];
    for (const region of regions.regions()) {
      expect(regionsCalled(region.code.toLowerCase(), regions)).toEqual([region.code]);
      if (!regionsCalled(region.name, regions).includes(region.code)) missed.push(`${region.code} ${region.name}`);
    }
    // Codes come first, and then the words that other products have.
    expect(missed).toEqual(['AQ Antarctica', 'FJ-01 Ba', 'UG-302 Apac']);
  });
});

test.each([
  ['NA', { message: '`NA` is the country Namibia', remedy: 'write `north-america` if the continent is meant' }],
  ['AS', { message: '`AS` is the country American Samoa', remedy: 'write `asia` if the continent is meant' }],
  ['SA', { message: '`SA` is the country Saudi Arabia', remedy: 'write `south-america` if the continent is meant' }],
  ['AF', { message: '`AF` is the country Afghanistan', remedy: 'write `africa` if the continent is meant' }],
  ['EU', undefined],
  ['DE', undefined],
  ['asia', undefined],
])('a code that is a continent elsewhere: %s', (code, expected) => {
  expect(continentDoubt(code, regions)).toEqual(expected);
});
