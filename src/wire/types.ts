/**
 * Mnemonics of the IANA "Resource Record (RR) TYPEs" registry, the obsolete ones included: master files have them.
 * A type that has no file in rdata/ is read and written in the form of RFC 3597.
 */
const MNEMONICS: ReadonlyMap<number, string> = new Map([
  [1, 'A'],
  [2, 'NS'],
  [3, 'MD'],
  [4, 'MF'],
  [5, 'CNAME'],
  [6, 'SOA'],
  [7, 'MB'],
  [8, 'MG'],
  [9, 'MR'],
  [10, 'NULL'],
  [11, 'WKS'],
  [12, 'PTR'],
  [13, 'HINFO'],
  [14, 'MINFO'],
  [15, 'MX'],
  [16, 'TXT'],
  [17, 'RP'],
  [18, 'AFSDB'],
  [19, 'X25'],
  [20, 'ISDN'],
  [21, 'RT'],
  [22, 'NSAP'],
  [23, 'NSAP-PTR'],
  [24, 'SIG'],
  [25, 'KEY'],
  [26, 'PX'],
  [27, 'GPOS'],
  [28, 'AAAA'],
  [29, 'LOC'],
  [30, 'NXT'],
  [31, 'EID'],
  [32, 'NIMLOC'],
  [33, 'SRV'],
  [34, 'ATMA'],
  [35, 'NAPTR'],
  [36, 'KX'],
  [37, 'CERT'],
  [38, 'A6'],
  [39, 'DNAME'],
  [40, 'SINK'],
  [41, 'OPT'],
  [42, 'APL'],
  [43, 'DS'],
  [44, 'SSHFP'],
  [45, 'IPSECKEY'],
  [46, 'RRSIG'],
  [47, 'NSEC'],
  [48, 'DNSKEY'],
  [49, 'DHCID'],
  [50, 'NSEC3'],
  [51, 'NSEC3PARAM'],
  [52, 'TLSA'],
  [53, 'SMIMEA'],
  [55, 'HIP'],
  [56, 'NINFO'],
  [57, 'RKEY'],
  [58, 'TALINK'],
  [59, 'CDS'],
  [60, 'CDNSKEY'],
  [61, 'OPENPGPKEY'],
  [62, 'CSYNC'],
  [63, 'ZONEMD'],
  [64, 'SVCB'],
  [65, 'HTTPS'],
  [66, 'DSYNC'],
  [67, 'HHIT'],
  [68, 'BRID'],
  [99, 'SPF'],
  [104, 'NID'],
  [105, 'L32'],
  [106, 'L64'],
  [107, 'LP'],
  [108, 'EUI48'],
  [109, 'EUI64'],
  [128, 'NXNAME'],
  [249, 'TKEY'],
  [250, 'TSIG'],
  [251, 'IXFR'],
  [252, 'AXFR'],
  [253, 'MAILB'],
  [254, 'MAILA'],
  [255, 'ANY'],
  [256, 'URI'],
  [257, 'CAA'],
  [258, 'AVC'],
  [259, 'DOA'],
  [260, 'AMTRELAY'],
  [261, 'RESINFO'],
  [262, 'WALLET'],
  [32768, 'TA'],
  [32769, 'DLV'],
]);

const CODES: ReadonlyMap<string, number> = new Map([...MNEMONICS].map(([code, mnemonic]) => [mnemonic, code] as const));

/** The code of a mnemonic in any case, or of `TYPE123` (RFC 3597 5); undefined for anything else. */
export function typeFromText(text: string): number | undefined {
  const upper = text.toUpperCase();
  const known = CODES.get(upper);
  if (known !== undefined) return known;
  if (!/^TYPE[0-9]{1,5}$/u.test(upper)) return undefined;
  const code = Number(upper.slice(4));
  return code <= 65535 ? code : undefined;
}

/** The mnemonic, or `TYPE123` (RFC 3597 5). */
export function typeToText(type: number): string {
  return MNEMONICS.get(type) ?? `TYPE${type}`;
}

/**
 * True for types that records of a zone can have: not OPT, nor the meta and question types from 128 to 255, nor the
 * reserved 0 and 65535 (RFC 6895 3.1).
 */
export function isDataType(type: number): boolean {
  return type > 0 && type < 65535 && type !== 41 && (type < 128 || type > 255);
}
