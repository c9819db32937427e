/** Record data in text: as an operator may write it, and as it is printed when that differs. Origin example.org. */
export interface RecordCase {
  readonly type: string;
  readonly text: string;
  readonly printed?: string;
  /** Expected octets in hexadecimal, where a document gives them. */
  readonly wire?: string;
  /** Servers that refuse it: stricter than the RFC, or without a form for it. */
  readonly refusedBy?: readonly ('BIND' | 'NSD')[];
}

function c(type: string, text: string, printed?: string, wire?: string): RecordCase {
  return { type, text, ...(printed === undefined ? {} : { printed }), ...(wire === undefined ? {} : { wire }) };
}

/** A case that some servers refuse. */
function only(refusedBy: readonly ('BIND' | 'NSD')[], record: RecordCase): RecordCase {
  return { ...record, refusedBy };
}

const SHA256 = '0B9FA5A59EED715C26C1020C711B4F6EC42D58B0015E14337A39DAD301C5AFC3';
const SHA1 = '2BB183AF5F22588179A53B0A98631FAD1A292118';
const P256_KEY = 'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==';

/** Every type with a form of its own, in the forms that zones have. */
export const RECORDS: readonly RecordCase[] = [
  c('A', '192.0.2.1', undefined, 'C0000201'),
  c('A', String.raw`\# 4 C0 00 02 01`, '192.0.2.1', 'C0000201'),
  c('AAAA', '2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'),
  c('AAAA', '2001:db8::192.0.2.33', '2001:db8::c000:221'),
  c('AAAA', '::ffff:192.0.2.1'),
  c('AAAA', '::'),
  c('AAAA', '1::', '1::'),
  c('AAAA', '2001:db8:1:2:3:4:5:0'),
  c('NS', 'ns1', 'ns1.example.org.'),
  c('NS', '@', 'example.org.'),
  c('CNAME', String.raw`a\.b\032c.example.net.`),
  c('CNAME', '.'),
  c('PTR', 'Host.Example.NET.'),
  c('DNAME', 'example.net.'),
  c(
    'SOA',
    'ns1 hostmaster 2026010101 1h30m 1800 2w 300',
    'ns1.example.org. hostmaster.example.org. 2026010101 5400 1800 1209600 300',
  ),
  c('SOA', 'a. b. 4294967295 1W1D 0 0 1s', 'a. b. 4294967295 691200 0 0 1'),
  c('MX', '10 mail', '10 mail.example.org.'),
  c('MX', '0 .', '0 .', '000000'),
  c('TXT', 'one "two three" "" four\\032five', '"one" "two three" "" "four five"'),
  c('TXT', String.raw`"quote \" backslash \\ nul \000 end"`),
  c('TXT', `"${'x'.repeat(255)}" "y"`),
  c('TXT', '"größe"', String.raw`"gr\195\182\195\159e"`),
  c('SPF', '"v=spf1 -all"'),
  c('SRV', '10 60 5060 sip', '10 60 5060 sip.example.org.'),
  c('CAA', '0 issue letsencrypt.org', '0 issue "letsencrypt.org"'),
  c('CAA', '128 iodef "mailto:security@example.org"'),
  c('CAA', '0 issue ";"'),
  c('CAA', '0 issuewild ""'),
  c('NAPTR', '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.org!" .'),
  c('NAPTR', '100 50 s http+I2R "" _http._tcp', '100 50 "s" "http+I2R" "" _http._tcp.example.org.'),
  c('TLSA', `3 1 1 ${SHA256}`),
  c('TLSA', `3 1 1 ${SHA256.slice(0, 20).toLowerCase()} ${SHA256.slice(20)}`, `3 1 1 ${SHA256}`),
  c('SMIMEA', `3 0 0 ${SHA1}`),
  c('SSHFP', `4 2 ${SHA256}`),
  c('SSHFP', `1 1 ${SHA1}`),
  // RFC 4034 5.4.
  c('DS', `60485 5 1 ${SHA1}`, undefined, `EC450501${SHA1}`),
  c('DS', `20326 RSASHA256 2 ${SHA256}`, `20326 8 2 ${SHA256}`),
  c('CDS', '0 0 0 00'),
  c('DLV', `60485 5 1 ${SHA1}`),
  c('DNSKEY', `257 3 13 ${P256_KEY}`),
  c('DNSKEY', `256 3 ECDSAP256SHA256 ( ${P256_KEY.slice(0, 30)} ${P256_KEY.slice(30)} )`, `256 3 13 ${P256_KEY}`),
  c('CDNSKEY', '0 3 0 AA=='),
  c(
    'RRSIG',
    'A 5 3 86400 20030322173103 ( 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr )',
    'A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr',
  ),
  c('RRSIG', 'TYPE65280 ED25519 0 0 0 4294967295 1 . AA==', 'TYPE65280 15 0 0 19700101000000 21060207062815 1 . AA=='),
  // RFC 4034 4.3.
  c(
    'NSEC',
    'host.example.com. ( A MX RRSIG NSEC TYPE1234 )',
    'host.example.com. A MX RRSIG NSEC TYPE1234',
    `04686F7374076578616D706C6503636F6D00 0006400100000003 041B${'00'.repeat(26)}20`,
  ),
  c(
    'NSEC3',
    '1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA',
    '1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX DNSKEY',
  ),
  c('NSEC3', '1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR'),
  c('NSEC3PARAM', '1 0 0 -', undefined, '0100000000'),
  c('NSEC3PARAM', '1 0 12 AABBCCDD'),
  c('LOC', '42 21 54 N 71 06 18 W -24m 30m', '42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m'),
  c('LOC', '52 N 105 E 10', '52 0 0.000 N 105 0 0.000 E 10.00m 1m 10000m 10m'),
  c('LOC', '32 7 19 S 116 2 25.123 E 10m 0.5m 100m 0', '32 7 19.000 S 116 2 25.123 E 10.00m 0.50m 100m 0m'),
  c('LOC', '90 S 180 W -100000m', '90 0 0.000 S 180 0 0.000 W -100000.00m 1m 10000m 10m'),
  c('LOC', String.raw`\# 3 010203`),
  c('HINFO', 'PC-Intel-700mhz "Redhat Linux"', '"PC-Intel-700mhz" "Redhat Linux"'),
  c('HINFO', '"RFC8482" ""'),
  c('RP', 'admin about.example.net.', 'admin.example.org. about.example.net.'),
  c('AFSDB', '1 afs.example.net.'),
  c('RT', '10 relay.example.net.'),
  c('KX', '10 kx.example.net.'),
  c('MB', 'mail.example.net.'),
  c('MG', 'member.example.net.'),
  c('MR', 'new.example.net.'),
  c('MINFO', 'owner.example.net. errors.example.net.'),
  c('URI', '10 1 "ftp://ftp1.example.com/public"'),
  c('EUI48', '00-00-5e-00-53-2a', undefined, '00005E00532A'),
  c('EUI64', '00-00-5E-ef-10-00-00-2a', '00-00-5e-ef-10-00-00-2a'),
  c('OPENPGPKEY', 'mQINBFit2jsBEADrbl5v'),
  c('HHIT', 'gwoYKzZBWCCAAAEAAA=='),
  c('BRID', 'gQA='),
  c('DHCID', 'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA='),
  c('CERT', '1 0 0 MIIB'),
  c('CERT', 'PKIX 0 RSASHA1 MIIB', '1 0 5 MIIB'),
  c('CSYNC', '66 3 A NS AAAA', undefined, '00000042 0003 00 04 60000008'),
  c('ZONEMD', `2018031500 1 1 ${SHA256}${SHA256.slice(0, 32)}`),
  c('AVC', '"app-name:WOLFGANG"'),
  c('RESINFO', 'qnamemin exterr=15', '"qnamemin" "exterr=15"'),
  c('WALLET', '"BTC" "1Boat"'),
  c('TYPE65280', String.raw`\# 3 abcdef`, String.raw`\# 3 ABCDEF`, 'ABCDEF'),
  c('TYPE65280', String.raw`\# 0`, undefined, ''),
  c(
    'APL',
    '1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:DB8::/32 1:0.0.0.0/0',
    '1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32 1:0.0.0.0/0',
    '0001 18 03 C00002 0001 1C 84 C0000240 0002 20 04 20010DB8 0001 00 00',
  ),
  c('APL', '', undefined, ''),
  // A family without a text form, and a zero octet that the text form would leave out.
  c('APL', String.raw`\# 5 0003000101`),
  only(['BIND'], c('APL', String.raw`\# 5 0001180100`)),
  // RFC 4025 3.2.
  c('IPSECKEY', '10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtu'),
  c(
    'IPSECKEY',
    '10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtu',
    undefined,
    '0A0002 0103515379 86ED35533B6064478EEEB27B5BD74DAE149B6E',
  ),
  c(
    'IPSECKEY',
    '10 3 2 mygateway.example.com. AQNRU3mG7TVT O2BkR47usntb102uFJtu',
    '10 3 2 mygateway.example.com. AQNRU3mG7TVTO2BkR47usntb102uFJtu',
  ),
  c('IPSECKEY', '10 2 2 2001:db8:0:8002::2000:1 AQNRU3mG7TVTO2BkR47usntb102uFJtu'),
  only(['BIND'], c('IPSECKEY', '10 1 0 192.0.2.38', undefined, '0A0100C0000226')),
  only(['BIND'], c('IPSECKEY', String.raw`\# 6 0A0402AABBCC`)),
  // RFC 8777 4.3.1.
  c('AMTRELAY', '10 0 1 203.0.113.15', undefined, '0A 01 CB00710F'),
  c('AMTRELAY', '10 0 2 2001:db8::15'),
  c('AMTRELAY', '128 1 3 amtrelays.example.com.', undefined, '80 83 09616D7472656C617973 076578616D706C65 03636F6D00'),
  c('AMTRELAY', '0 0 0 .', undefined, '0000'),
  c('AMTRELAY', String.raw`\# 4 0A04AABB`),
  // RFC 8005 6.
  c(
    'HIP',
    '2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9 rvs1 rvs2.example.com.',
    '2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9 rvs1.example.org. rvs2.example.com.',
    '10 02 0012 200100107B1A74DF365639CC39F1D578 03010001B771CA136E4AEB5CE44333C53B3D 0472767331 076578616D706C65 036F726700 0472767332 076578616D706C65 03636F6D00',
  ),
  c('HIP', '2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9'),
  // RFC 6742 2.1 to 2.4.
  c('NID', '10 0014:4fff:ff20:ee64', undefined, '000A 00144FFFFF20EE64'),
  c('NID', '20 14:4fff:f:0', '20 0014:4fff:000f:0000'),
  c('L32', '10 10.1.2.0', undefined, '000A 0A010200'),
  c('L64', '10 2001:0DB8:1140:1000', '10 2001:0db8:1140:1000', '000A 20010DB811401000'),
  c('LP', '10 l64-subnet1.example.com.', undefined, '000A 0B6C36342D7375626E657431 076578616D706C65 03636F6D00'),
  c('KEY', `512 3 13 ${P256_KEY}`),
  only(['NSD'], c('KEY', 'HOST|FLAG4|SIG3 DNSSEC RSASHA1 AQPA', '2563 3 5 AQPA', '0A03 03 05 0103C0')),
  only(['NSD'], c('KEY', 'NOKEY 3 0', '49152 3 0', 'C0000300')),
  c('SIG', 'A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr'),
  c('NXT', 'Medium.foo.example. A MX SIG NXT', undefined, '064D656469756D 03666F6F 076578616D706C65 00 40010082'),
  only(['NSD'], c('NXT', 'b. A 127', 'b. A TYPE127')),
  c('WKS', '192.0.2.1 TCP smtp 80', '192.0.2.1 6 25 80', 'C0000201 06 0000004000000000000080'),
  only(['NSD'], c('WKS', '192.0.2.1 17', undefined, 'C0000201 11')),
  only(['BIND'], c('WKS', String.raw`\# 6 C00002010600`)),
  c('X25', '311061700956', '"311061700956"', '0C333131303631373030393536'),
  c('ISDN', '150862028003217 004', '"150862028003217" "004"', '0F313530383632303238303033323137 03303034'),
  c('ISDN', '"150862028003217"', undefined, '0F313530383632303238303033323137'),
  c('GPOS', '-32.6882 116.8652 10.0', '"-32.6882" "116.8652" "10.0"'),
  c(
    'NSAP',
    '0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00',
    '0x47000580005a0000000001e133ffffff00016100',
    '47000580005A0000000001E133FFFFFF00016100',
  ),
  c('NSAP-PTR', 'host.example.net.'),
  c('ATMA', '+612.0000.0000', '+61200000000', '013631323030303030303030'),
  c('ATMA', '47.0005', '470005', '00470005'),
  only(['BIND'], c('ATMA', String.raw`\# 2 0141`)),
  c('PX', '10 net2.it. prmd-net2.admd-p400.c-it.'),
  c('A6', '0 2001:db8::1', undefined, `00 20010DB8${'00'.repeat(11)}01`),
  c('A6', '64 ::1:2:3:4 subnet.example.net.'),
  c(
    'A6',
    '65 ::7fff:1:2:3 subnet.example.net.',
    undefined,
    '41 7FFF000100020003 067375626E6574 076578616D706C65 036E657400',
  ),
  c('A6', '128 subnet.example.net.'),
  c('TALINK', 'h0 h2', 'h0.example.org. h2.example.org.'),
  c(
    'DSYNC',
    'CDS NOTIFY 5359 cds-scanner.example.net.',
    undefined,
    '003B 01 14EF 0B6364732D7363616E6E6572 076578616D706C65 036E657400',
  ),
  c('DSYNC', 'CSYNC 200 53 .'),
  c('RKEY', '0 3 5 AQPA'),
  c('DOA', '1234567890 1234567890 1 "image/gif" R0lGODlhKAAZ'),
  c('DOA', '0 1 2 "" -', undefined, '00000000 00000001 02 00'),
  c('TA', `30795 1 1 ${SHA1}`),
  c('NINFO', 'status=up "x y"', '"status=up" "x y"'),
  c('EID', 'E32C6F78163A9348'),
  c('NIMLOC', '75234159 EAC457800920', '75234159EAC457800920'),
  c('SINK', '1 0 0 AQPA'),
  c('SINK', '1 0 0'),
  c('HTTPS', '0 svc.example.net.'),
  only(['NSD'], c('HTTPS', String.raw`1 . key3=\001\187 key1=\002h2`, '1 . alpn="h2" port=443')),
  c('HTTPS', '0 svc.example.net. alpn="h2" port=443'),
  c('HTTPS', '1 . alpn=h3,h2', '1 . alpn="h3,h2"'),
  c(
    'HTTPS',
    '1 . ipv6hint=2001:db8::1 port=8443 no-default-alpn ipv4hint=192.0.2.1,192.0.2.2 ech="AEj+DQ==" alpn="h2" mandatory=port,alpn dohpath=/q{?dns} ohttp key667',
    '1 . mandatory=alpn,port alpn="h2" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AEj+DQ== ipv6hint=2001:db8::1 dohpath="/q{?dns}" ohttp key667',
  ),
];

/** RFC 9460 D.1, D.2: text that must be read, and its octets. */
export const SVCB_VECTORS: readonly RecordCase[] = [
  c('HTTPS', '0 foo.example.com.', undefined, '0000 03666F6F076578616D706C6503636F6D00'),
  c('SVCB', '1 .', undefined, '0001 00'),
  c('SVCB', '16 foo.example.com. port=53', undefined, '0010 03666F6F076578616D706C6503636F6D00 0003 0002 0035'),
  c(
    'SVCB',
    '1 foo.example.com. key667=hello',
    '1 foo.example.com. key667="hello"',
    '0001 03666F6F076578616D706C6503636F6D00 029B 0005 68656C6C6F',
  ),
  c(
    'SVCB',
    String.raw`1 foo.example.com. key667="hello\210qoo"`,
    undefined,
    '0001 03666F6F076578616D706C6503636F6D00 029B 0009 68656C6C6FD2716F6F',
  ),
  c(
    'SVCB',
    '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    '1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1',
    '0001 03666F6F076578616D706C6503636F6D00 0006 0020 20010DB8000000000000000000000001 20010DB8000000000000000000530001',
  ),
  c(
    'SVCB',
    '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
    '1 example.com. ipv6hint=2001:db8:122:344::c000:221',
    '0001 076578616D706C6503636F6D00 0006 0010 20010DB8012203440000 0000C0000221',
  ),
  c(
    'SVCB',
    '16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
    '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
    '0010 03666F6F076578616D706C65036F726700 0000 0004 00010004 0001 0009 02683205 68332D3139 0004 0004 C0000201',
  ),
  c(
    'SVCB',
    String.raw`16 foo.example.org. alpn="f\\\\oo\\,bar,h2"`,
    undefined,
    '0010 03666F6F076578616D706C65036F726700 0001 000C 08 665C6F6F2C626172 02 6832',
  ),
  c(
    'SVCB',
    String.raw`16 foo.example.org. alpn=f\\\092oo\092,bar,h2`,
    String.raw`16 foo.example.org. alpn="f\\\\oo\\,bar,h2"`,
    '0010 03666F6F076578616D706C65036F726700 0001 000C 08 665C6F6F2C626172 02 6832',
  ),
];
