/**
 * Names that other products have for ISPs, so that messages can suggest ours: each carrier has one name, in lower case
 * (geo-data/carriers.csv), and an AS number is written `AS4134`.
 */

/** Names of carriers, without AS numbers. A `Set` of names is one. */
export interface CarrierNames extends Iterable<string> {
  has(name: string): boolean;
  /** The carrier that a company's name stands for; undefined for none, or for more than one. */
  ofCompany?(folded: string): string | undefined;
}

/** By folded names; the lines of Alibaba Cloud DNS and DNSPod, abbreviations in use in China, names of networks. */
const CALLED: Readonly<Record<string, string>> = {
  broadnet: 'broadnet',
  cernet: 'cernet',
  chinabroadnet: 'broadnet',
  chinamobile: 'mobile',
  chinatelecom: 'telecom',
  chinaunicom: 'unicom',
  cstnet: 'cstnet',
  mobile: 'mobile',
  telecom: 'telecom',
  unicom: 'unicom',
  chinanet: 'telecom',
  cn2: 'telecom',
  ct: 'telecom',
  ctc: 'telecom',
  ctcc: 'telecom',
  dianxin: 'telecom',
  电信: 'telecom',
  中国电信: 'telecom',
  china169: 'unicom',
  chinanetcom: 'unicom',
  cnc: 'unicom',
  cu: 'unicom',
  cuc: 'unicom',
  cucc: 'unicom',
  liantong: 'unicom',
  netcom: 'unicom',
  联通: 'unicom',
  中国联通: 'unicom',
  网通: 'unicom',
  chinatietong: 'mobile',
  cm: 'mobile',
  cmcc: 'mobile',
  cmnet: 'mobile',
  crtc: 'mobile',
  ctt: 'mobile',
  tietong: 'mobile',
  yidong: 'mobile',
  移动: 'mobile',
  中国移动: 'mobile',
  铁通: 'mobile',
  cer: 'cernet',
  edu: 'cernet',
  教育网: 'cernet',
  cbn: 'broadnet',
  cbnet: 'broadnet',
  广电: 'broadnet',
  广电网: 'broadnet',
  科技网: 'cstnet',
  btvn: 'drpeng',
  鹏博士: 'drpeng',
  长城: 'great-wall',
  长城宽带: 'great-wall',
};

/** Forms of companies, which names of carriers are without. */
const FORMS =
  / (?:ab|ag|as|bv|co|company|corp|corporation|gmbh|group|holding|holdings|inc|incorporated|limited|llc|ltd|nv|oy|plc|pty|sa|sas|spa|srl)\b/gu;

/** A name of a company so that spellings are alike: `Deutsche Telekom AG` and `deutsche-telekom` are. */
export function foldCompany(name: string): string {
  const words = name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/['’.]/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  return words.replaceAll(FORMS, '').replaceAll(' ', '');
}

/** The AS number in a text such as `as4134`, `AS 4134`, `ASN4134` or `4134`, as it is written here. */
function asNumber(text: string): string | undefined {
  const digits = /^(?:asn?[\s:-]*)?(?<number>[1-9]\d{0,9})$/iu.exec(text.trim())?.groups!['number'];
  return digits === undefined || Number(digits) > 0xffffffff ? undefined : `AS${digits}`;
}

/** Our name for an ISP of another product; undefined when that is uncertain. */
export function ispCalled(text: string, carriers?: CarrierNames): string | undefined {
  const number = asNumber(text);
  if (number !== undefined) return number;
  const folded = foldCompany(text.trim().replace(/^cn_(?<isp>telecom|unicom|mobile|edu)(?:_.*)?$/iu, '$<isp>'));
  const called = CALLED[folded];
  if (called !== undefined && carriers?.has(called) !== false) return called;
  return carriers?.ofCompany?.(folded);
}
