/** Record data in text: as an operator may write it, and as it is printed when that differs. Origin example.org. */
export interface RecordCase {
  readonly type: string;
  readonly text: string;
  readonly printed?: string;
  /** Expected octets in hexadecimal, where a document gives them. */
  readonly wire?: string;
}

function c(type: string, text: string, printed?: string, wire?: string): RecordCase {
  return { type, text, ...(printed === undefined ? {} : { printed }), ...(wire === undefined ? {} : { wire }) };
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
  c('DHCID', 'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA='),
  c('CERT', '1 0 0 MIIB'),
  c('CSYNC', '66 3 A NS AAAA', undefined, '00000042 0003 00 04 60000008'),
  c('ZONEMD', `2018031500 1 1 ${SHA256}${SHA256.slice(0, 32)}`),
  c('AVC', '"app-name:WOLFGANG"'),
  c('RESINFO', 'qnamemin exterr=15', '"qnamemin" "exterr=15"'),
  c('WALLET', '"BTC" "1Boat"'),
  c('TYPE65280', String.raw`\# 3 abcdef`, String.raw`\# 3 ABCDEF`, 'ABCDEF'),
  c('TYPE65280', String.raw`\# 0`, undefined, ''),
  c('APL', String.raw`\# 4 00010000`),
  c('HTTPS', '0 svc.example.net.'),
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
