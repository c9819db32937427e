import fc from 'fast-check';

/** First lines of every generated zone: what is wrong with one is in its other lines. */
export const ZONE_HEAD = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.1
`;

/** Few names, so that they meet: delegations, aliases, wildcards and what is below them. */
const NAMES = ['@', 'a', 'b', 'x.a', '*.a', 'y.x.a', '*', 'ns1', 'c.b', '\\042', 'A', 'a.example.org.', 'out.test.'];

const name = fc.constantFrom(...NAMES);
const number = fc.constantFrom('0', '1', '65535', '65536', '-1', 'x', '1h');
const word = fc.constantFrom('a', '""', '"a b"', '"a;b"', '\\"', '\\065', '\\256', '\\', '"\\""', '"', '(', ')', ';c');
const line = (...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> => fc.tuple(...parts).map((all) => all.join(' '));

const DATA: Readonly<Record<string, fc.Arbitrary<string>>> = {
  A: fc.constantFrom(
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2',
    '192.0.2.256',
    '01.2.3.4',
    '2001:db8::1',
    '\\# 4 C0000201',
    '\\# 3 C00002',
  ),
  AAAA: fc.constantFrom('2001:db8::1', '::', '::ffff:192.0.2.1', '2001:db8:::1', '1::2::3', '192.0.2.1', '12345::'),
  CNAME: name,
  DNAME: name,
  NS: name,
  PTR: name,
  MX: line(number, name),
  SRV: line(number, number, number, name),
  TXT: fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' ')),
  HINFO: line(word, word),
  CAA: line(number, fc.constantFrom('issue', 'a-b', ''), word),
  DS: line(
    number,
    number,
    number,
    fc.constantFrom('00', '0', 'xx', 'aa bb', 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855'),
  ),
  SOA: fc.constant('ns1 hostmaster 1 7200 900 1209600 300'),
  TLSA: line(number, number, number, fc.constantFrom('00', '0', 'aa bb')),
  SSHFP: line(number, number, fc.constantFrom('00', 'aa bb', 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4')),
  HTTPS: line(
    number,
    fc.constantFrom('.', 'a', '@'),
    fc.constantFrom(
      '',
      'alpn=h2',
      'alpn="h2,h3"',
      'port=443',
      'port=x',
      'ipv4hint=192.0.2.1',
      'key65000=a',
      'mandatory=alpn alpn=h2',
      'mandatory=port alpn=h2',
      'port=1 port=2',
      'no-default-alpn',
    ),
  ),
  NAPTR: line(number, number, fc.constantFrom('"S"', '"!"', 'U'), word, fc.constantFrom('""', '"!^.*$!x!"'), name),
  URI: line(number, number, fc.constantFrom('"https://a/"', '""')),
  LOC: fc.constantFrom(
    '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m',
    '91 0 0 N 0 0 0 E 0m',
    '1 N 1 E 0',
    '1 N 1 E',
  ),
  RP: line(name, name),
  AFSDB: line(number, name),
  TYPE65280: fc.constantFrom('\\# 0', '\\# 2 abcd', '\\# 2 ab cd', '\\# 1 abcd', 'abcd'),
  BOGUS: fc.constant('1'),
};

const record = fc
  .record({
    owner: fc.oneof({ weight: 4, arbitrary: name }, { weight: 1, arbitrary: fc.constant('') }),
    ttl: fc.oneof(
      { weight: 4, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('60', '1h30m', '1w', '2147483648', '4294967296', '1x') },
    ),
    klass: fc.oneof(
      { weight: 4, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom('IN', 'in', 'CH', 'CLASS1') },
    ),
    swapped: fc.boolean(),
    data: fc.oneof(...Object.entries(DATA).map(([type, data]) => data.map((text) => `${type} ${text}`))),
  })
  .map(({ owner, ttl, klass, swapped, data }) => `${owner} ${swapped ? `${klass} ${ttl}` : `${ttl} ${klass}`} ${data}`);

const directive = fc.constantFrom(
  '$ORIGIN a',
  '$ORIGIN example.org.',
  '$ORIGIN .',
  '$ORIGIN',
  '$ORIGIN a b',
  '$TTL 60',
  '$TTL x',
  '$GENERATE 1-3 h$ A 192.0.2.$',
  '$GENERATE 1-3/2 h${0,3} CNAME a$$',
  '$GENERATE 0-2 ${10,2,x}.${0,5,n} TXT "$ ${-0}"',
  '$GENERATE 3-1 h$ A 192.0.2.$',
  '$GENERATE 1-2 h${-2} A 192.0.2.$',
  '$GENERATE 1-2 \\$$ CNAME \\$$',
  '$GENERATE 1-2 h$ MX "1 a$"',
  '$INCLUDE missing.inc',
  '$BOGUS 1',
);
const layout = fc.constantFrom('', ' ', '; a comment', '  ; another', '(', ')', '( ; open', ')', '\t', ' (', '\r');

/** Lines as people write them in master files for example.org, and some that nobody should. */
export const anyLine = fc.oneof(
  { weight: 12, arbitrary: record },
  { weight: 1, arbitrary: directive },
  { weight: 1, arbitrary: layout },
);

/** A master file for example.org with a few lines beyond its head. */
export const anyZoneText = fc
  .array(anyLine, { minLength: 1, maxLength: 3 })
  .map((lines) => `${ZONE_HEAD}${lines.join('\n')}\n`);
