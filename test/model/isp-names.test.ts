import { expect, test } from 'vitest';
import { carrierNames } from '../../src/geo/carrier-names.ts';
import { ispCalled } from '../../src/model/isp-names.ts';
import { GEO_DATA } from '../support/localities.ts';

const carriers = carrierNames({ dataDirectory: GEO_DATA, overlays: [] });

test.each([
  [
    'telecom',
    [
      'China Telecom',
      'ChinaTelecom',
      'chinanet',
      'CHINANET',
      'CT',
      'ctcc',
      'cn_telecom',
      'cn_telecom_guangdong',
      'Telecom',
      '电信',
      '中国电信',
    ],
  ],
  ['unicom', ['China Unicom', 'CU', 'cucc', 'cnc', 'China169', 'cn_unicom', '联通', 'China Netcom']],
  ['mobile', ['China Mobile', 'CM', 'CMCC', 'cmnet', 'cn_mobile_beijing', '移动', 'China TieTong', '铁通']],
  ['cernet', ['CERNET', 'edu', 'cn_edu', '教育网']],
  ['broadnet', ['China Broadnet', '广电']],
  ['deutsche-telekom', ['Deutsche Telekom AG', 'Deutsche Telekom', 'DeutscheTelekom', 'deutsche_telekom']],
  ['AS4134', ['as4134', '4134', 'AS 4134', 'ASN4134', 'asn-4134', 'AS:4134']],
])('%s is called %j elsewhere', (ours, theirs) => {
  expect(theirs.map((text) => ispCalled(text, carriers))).toEqual(theirs.map(() => ours));
});

test.each(['Nobody', 'AS0', 'AS4294967296', '0', 'telekom', 'Vodafone and others', ''])('%j is not known', (text) => {
  expect(ispCalled(text, carriers)).toBeUndefined();
});

test('a carrier that the table lacks is not offered', () => {
  expect(ispCalled('China Telecom', new Set(['unicom']))).toBeUndefined();
  expect(ispCalled('China Telecom')).toBe('telecom');
});
