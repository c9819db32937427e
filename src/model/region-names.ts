import { nearestName, orList } from '../lib/nearest.ts';
import type { Region, RegionTree } from './regions.ts';

/**
 * Names that other products have for regions, so that messages can suggest ours. Only a region's own code is accepted:
 * rules, matrices and overlays are compared by it, and `NA` or `AS` is a country in some products and a continent in
 * others. A suggestion must never lead to another place.
 */

/** Continents by the two letters of MaxMind, Route 53 and gdnsd, for those that are no country's code as well. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  eu: ['europe'],
  oc: ['oceania'],
  'geo-af': ['africa'],
  'geo-an': ['antarctica'],
  'geo-as': ['asia'],
  'geo-eu': ['europe'],
  'geo-na': ['north-america'],
  'geo-sa': ['south-america'],
  'geo-ap': ['oceania'],
  os_africa: ['africa'],
  os_asia: ['asia'],
  os_euro: ['europe'],
  os_namerica: ['north-america'],
  os_oceania: ['oceania'],
  os_oceanica: ['oceania'],
  os_samerica: ['south-america'],
  '019': ['north-america', 'south-america'],
  america: ['north-america', 'south-america'],
  americas: ['north-america', 'south-america'],
  'asia pacific': ['asia', 'oceania'],
  apac: ['asia', 'oceania'],
  asiapac: ['asia', 'oceania'],
  australasia: ['oceania'],
  'australia and oceania': ['oceania'],
  default: ['world'],
  global: ['world'],
  all: ['world'],
  any: ['world'],
  anywhere: ['world'],
  everywhere: ['world'],
  earth: ['world'],
  '*': ['world'],
  默认: ['world'],
  全球: ['world'],
  世界: ['world'],
  亚洲: ['asia'],
  欧洲: ['europe'],
  非洲: ['africa'],
  北美洲: ['north-america'],
  南美洲: ['south-america'],
  大洋洲: ['oceania'],
  南极洲: ['antarctica'],
  中国: ['CN'],
  境内: ['CN'],
  香港: ['HK'],
  澳门: ['MO'],
  台湾: ['TW'],
  // The European Union and some statistics have codes of their own.
  uk: ['GB'],
  el: ['GR'],
  xkx: ['XK'],
  'great britain': ['GB'],
  usa: ['US'],
  'united states of america': ['US'],
  korea: ['KP', 'KR'],
  'republic of korea': ['KR'],
  'korea republic of': ['KR'],
  'russian federation': ['RU'],
  'viet nam': ['VN'],
  'czech republic': ['CZ'],
  holland: ['NL'],
  'the netherlands': ['NL'],
  burma: ['MM'],
  macau: ['MO'],
  swaziland: ['SZ'],
  macedonia: ['MK'],
  turkey: ['TR'],
  'ivory coast': ['CI'],
  uae: ['AE'],
  drc: ['CD'],
  congo: ['CD', 'CG'],
  'east timor': ['TL'],
  'mainland china': ['CN'],
  'hong kong sar china': ['HK'],
  xianggang: ['HK'],
  aomen: ['MO'],
  neimenggu: ['CN-NM'],
  neimeng: ['CN-NM'],
  xizang: ['CN-XZ'],
};

/** Names of areas that are no region here, with the remedy. */
const NO_REGION: Readonly<Record<string, string>> = {
  emea: 'write `europe`, `africa` and the countries of the Middle East that you mean',
  'geo-me': 'write the countries of the Middle East that you mean',
  'middle east': 'write the countries that you mean',
  mena: 'write the countries that you mean',
  latam: 'write `south-america` and the countries of Central America that you mean',
  'latin america': 'write `south-america` and the countries of Central America that you mean',
  'central america': 'write the countries that you mean',
  caribbean: 'write the countries that you mean',
  oversea: 'no region is all but one country: write a rule for `CN`, and one for `world` after it',
  overseas: 'no region is all but one country: write a rule for `CN`, and one for `world` after it',
  境外: 'no region is all but one country: write a rule for `CN`, and one for `world` after it',
  海外: 'no region is all but one country: write a rule for `CN`, and one for `world` after it',
};

/** Provinces of China without their kind (省, 市, 自治区), by ISO 3166-2:CN code. */
export const CHINESE_PROVINCES: Readonly<Record<string, string>> = {
  安徽: 'AH',
  北京: 'BJ',
  重庆: 'CQ',
  福建: 'FJ',
  广东: 'GD',
  甘肃: 'GS',
  广西: 'GX',
  贵州: 'GZ',
  河南: 'HA',
  湖北: 'HB',
  河北: 'HE',
  海南: 'HI',
  黑龙江: 'HL',
  湖南: 'HN',
  吉林: 'JL',
  江苏: 'JS',
  江西: 'JX',
  辽宁: 'LN',
  内蒙古: 'NM',
  宁夏: 'NX',
  青海: 'QH',
  四川: 'SC',
  山东: 'SD',
  上海: 'SH',
  陕西: 'SN',
  山西: 'SX',
  天津: 'TJ',
  新疆: 'XJ',
  西藏: 'XZ',
  云南: 'YN',
  浙江: 'ZJ',
};

/**
 * Codes of ISO 3166-2 that were replaced, or that stand for a country of ISO 3166-1, and those that databases still
 * have: `OLD=NEW`, in the same country unless the new one is a country.
 */
const OLD_CODES: Readonly<Record<string, string>> = {
  CN: '11=BJ 12=TJ 13=HE 14=SX 15=NM 21=LN 22=JL 23=HL 31=SH 32=JS 33=ZJ 34=AH 35=FJ 36=JX 37=SD 41=HA 42=HB 43=HN 44=GD 45=GX 46=HI 50=CQ 51=SC 52=GZ 53=YN 54=XZ 61=SN 62=GS 63=QH 64=NX 65=XJ 71=TW TW=TW 91=HK HK=HK 92=MO MO=MO',
  CZ: 'JC=31 JM=64 KA=41 KR=52 LI=51 MO=80 OL=71 PA=53 PL=32 PR=10 ST=20 US=42 VY=63 ZL=72',
  FI: '01=AX',
  FR: '75=75C A=GES B=NAQ C=ARA D=BFC E=BRE F=CVL G=GES I=BFC J=IDF K=OCC L=NAQ M=GES N=OCC O=HDF P=NOR Q=NOR R=PDL S=HDF T=NAQ U=PAC V=ARA BL=BL GF=GF 973=GF GP=GP 971=GP GUA=GP RE=RE LRE=RE 974=RE YT=YT MAY=YT 976=YT MF=MF MQ=MQ 972=MQ NC=NC PF=PF PM=PM TF=TF WF=WF',
  IN: 'CT=CG OR=OD TG=TS UT=UK',
  LA: 'XN=XS',
  MX: 'DIF=CMX',
  NL: 'AW=AW CW=CW SX=SX',
  NO: '21=SJ 22=SJ 23=50',
  PL: 'DS=02 KP=04 LB=08 LD=10 LU=06 MA=12 MZ=14 OP=16 PD=20 PK=18 PM=22 SK=26 SL=24 WN=28 WP=30 ZP=32',
  TT: 'ETO=TOB RCM=MRC WTO=TOB',
  TW: 'KHQ=KHH TNQ=TNN TPQ=NWT TXQ=TXG',
  US: 'AS=AS GU=GU MP=MP PR=PR UM=UM VI=VI',
};

const replacements = new Map<string, readonly string[]>();
for (const [country, text] of Object.entries(OLD_CODES)) {
  for (const pair of text.split(' ')) {
    const [old = '', now = ''] = pair.split('=');
    replacements.set(`${country}-${old}`, [`${country}-${now}`, now]);
  }
}

/** The code that an ISO 3166-2 code has now: itself, where it is in the tree; undefined for one that is unknown. */
export function currentCode(code: string, regions: RegionTree): string | undefined {
  if (regions.get(code) !== undefined) return code;
  return replacements.get(code)?.find((each) => regions.get(each) !== undefined);
}

/** A name so that spellings are alike: no accents, capitals or punctuation. */
export function foldName(name: string): string {
  return name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('&', ' and ')
    .replaceAll(/['’ʻ`.]/gu, '')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

const KINDS = /\b(?:province|state|region|prefecture|oblast|county|department|governorate|republic|kingdom|of|the)\b/gu;

function joined(folded: string): string {
  return folded.replaceAll(' ', '');
}

function withoutKind(folded: string): string {
  return folded.replaceAll(KINDS, ' ').replaceAll(/ +/gu, ' ').trim();
}

const byName = new WeakMap<RegionTree, ReadonlyMap<string, readonly string[]>>();

/** Codes by folded name, by the name without its kind (the Dominican Republic is not Dominica), and in one word. */
function namesOf(regions: RegionTree): ReadonlyMap<string, readonly string[]> {
  const before = byName.get(regions);
  if (before !== undefined) return before;
  const names = new Map<string, string[]>();
  for (const { code, name } of regions.regions()) {
    const folded = foldName(name);
    for (const key of new Set([folded, withoutKind(folded), joined(folded)])) {
      const same = names.get(key);
      if (same === undefined) names.set(key, [code]);
      else same.push(code);
    }
  }
  byName.set(regions, names);
  return names;
}

/** The regions that a text may stand for in another product; all of them where that is not sure. Only known ones. */
export function regionsCalled(text: string, regions: RegionTree): readonly string[] {
  const known = (codes: readonly string[]): string[] => codes.filter((code) => regions.get(code) !== undefined);
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  const upper = trimmed.toUpperCase().replaceAll(/[_ /:.]/gu, '-');
  // A code in other letters, or with another sign between its parts.
  const spelled = [upper, upper.toLowerCase()].find((code) => regions.get(code) !== undefined);
  if (spelled !== undefined) return [spelled];
  const named = known(WORDS[lower] ?? WORDS[foldName(trimmed)] ?? []);
  if (named.length > 0) return named;
  const old = currentCode(upper, regions);
  if (old !== undefined) return [old];
  const names = namesOf(regions);
  const folded = foldName(trimmed);
  const called = names.get(folded) ?? names.get(withoutKind(folded)) ?? names.get(joined(folded)) ?? [];
  const other = regions.ofOtherCode(upper.padStart(/^\d+$/u.test(upper) ? 3 : 0, '0'));
  const sure = new Set(other === undefined ? called : [other.code, ...called]);
  if (sure.size > 0) return [...sure];
  // Only now, since `Maine` is no part of Morocco: `GBENG`, `os_asia_jp`, `cn_telecom_guangdong`, `广东电信`.
  const run = /^(?<country>[A-Z]{2})(?<part>[A-Z0-9]{2,3})$/u.exec(upper)?.groups;
  if (run !== undefined) return known([`${run['country']}-${run['part']}`]);
  const line = /^(?:cn_[a-z]+|os_[a-z]+)_(?<place>[a-z]+)$/u.exec(lower)?.groups!['place'];
  if (line !== undefined) return regionsCalled(line, regions);
  const chinese = Object.keys(CHINESE_PROVINCES).find((name) => trimmed.startsWith(name));
  return chinese === undefined ? [] : known([`CN-${CHINESE_PROVINCES[chinese]!}`]);
}

/** Ends of lines of DNSPod (`广东电信`) and of Alibaba Cloud DNS, with the ISP where it is called otherwise. */
const CHINESE_LINES: Readonly<Record<string, string>> = {
  edu: 'cernet',
  电信: 'telecom',
  联通: 'unicom',
  移动: 'mobile',
  教育网: 'cernet',
};

/** Countries whose codes are continents in MaxMind, Route 53 and gdnsd. */
const CLASHES: Readonly<Record<string, string>> = {
  AF: 'africa',
  AN: 'antarctica',
  AS: 'asia',
  NA: 'north-america',
  SA: 'south-america',
};

/** A warning for a country's code that is a continent in other products; undefined for other codes. */
export function continentDoubt(code: string, regions: RegionTree): { message: string; remedy: string } | undefined {
  const continent = CLASHES[code];
  const country = regions.get(code);
  if (continent === undefined || country === undefined) return undefined;
  return {
    message: `\`${code}\` is the country ${country.name}`,
    remedy: `write \`${continent}\` if the continent is meant`,
  };
}

const GENERAL = 'regions are ISO 3166 codes such as `DE` or `CN-GD`, as in geo-data/regions.csv';

/** Remedies by text: a matrix may have one wrong name in every line. */
const remedies = new WeakMap<RegionTree, Map<string, string>>();
const MAX_REMEDIES = 1000;

/** The remedy for a text that is no region's code: our name for the place, or the form of our codes. */
export function regionRemedy(text: string, regions: RegionTree): string {
  let known = remedies.get(regions);
  if (known === undefined) remedies.set(regions, (known = new Map()));
  let remedy = known.get(text);
  if (remedy === undefined) {
    if (known.size >= MAX_REMEDIES) known.clear();
    known.set(text, (remedy = findRemedy(text, regions)));
  }
  return remedy;
}

function findRemedy(text: string, regions: RegionTree): string {
  const lower = text.trim().toLowerCase();
  const instead = NO_REGION[lower] ?? NO_REGION[foldName(text)];
  if (instead !== undefined) return instead;
  const codes = regionsCalled(text, regions);
  const line = /^cn_(?<isp>telecom|unicom|mobile|edu)(?:_|$)/u.exec(lower)?.groups!['isp'];
  const isp = line ?? Object.keys(CHINESE_LINES).find((each) => text.trim().endsWith(each));
  if (isp !== undefined) {
    // `cn_telecom_huabei` and the like are several provinces, which are no region here.
    const isArea = codes.length === 0 && /^cn_[a-z]+_/u.test(lower);
    if (isArea) return `write the provinces that you mean, and the ISP \`${CHINESE_LINES[isp] ?? isp}\``;
    const region = codes[0] ?? 'CN';
    return `write the region \`${region}\` and the ISP \`${CHINESE_LINES[isp] ?? isp}\`: a line of another product combines the two`;
  }
  const [one] = codes;
  if (one !== undefined && codes.length === 1) return `did you mean ${describe(one, regions)}?`;
  if (codes.length > 1) {
    // Continents that are one region elsewhere are all meant; of places with one name, one is.
    const all = codes.every((code) => /^[a-z]/u.test(code));
    const words = codes.map((code) => describe(code, regions));
    return `write ${all ? words.join(' and ') : list(words)}`;
  }
  const country = regions.get(/^(?<code>[A-Za-z]{2})[-_]/u.exec(text.trim())?.groups!['code']!.toUpperCase() ?? '');
  if (country !== undefined) {
    const inside = regions.codes().filter((code) => code.startsWith(`${country.code}-`));
    if (inside.length === 0) return `\`${country.code}\` has no subdivisions here: write \`${country.code}\``;
    const shown = inside.slice(0, 8);
    const more = inside.length > shown.length ? ` and ${inside.length - shown.length} more` : '';
    return `subdivisions of \`${country.code}\` are ${more === '' ? orList(shown).replace(' or ', ' and ') : orList(shown).replace(' or ', ', ')}${more}`;
  }
  const near = nearestName(foldName(text), namesOf(regions).keys());
  const meant = near === undefined ? [] : (namesOf(regions).get(near) ?? []);
  return meant.length === 1 ? `did you mean ${describe(meant[0]!, regions)}?` : GENERAL;
}

function list(words: readonly string[]): string {
  const shown = words.slice(0, 6);
  const more = words.length > shown.length ? ', ...' : '';
  return more === '' ? `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}` : `${shown.join(', ')}${more}`;
}

/** `CN-GD` (Guangdong, China). */
function describe(code: string, regions: RegionTree): string {
  const names = regions
    .path(code)
    .filter((region: Region) => region.parent !== undefined && region.name !== region.code)
    .map(({ name }) => name)
    .slice(0, code.includes('-') ? -1 : 1);
  return names.length === 0 || /^[a-z-]+$/u.test(code) ? `\`${code}\`` : `\`${code}\` (${names.join(', ')})`;
}
