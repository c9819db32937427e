import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { octetsToHex } from '../../../src/wire/presentation.ts';
import {
  isDataType,
  namesIn,
  rdataCanonical,
  rdataFromWire,
  rdataProblem,
  rdataToText,
  rdataWarning,
  typeFromText,
  typeToText,
} from '../../../src/wire/rdata/mod.ts';
import { TYPES } from '../../../src/wire/rdata/registry.ts';
import { rdataOf, readRdata, typeCode } from './read.ts';
import { RECORDS, SVCB_VECTORS } from './records.ts';
import { DOUBTFUL_RECORDS, SOUND_RECORDS, WRONG_RECORDS } from './wrong-records.ts';

const cases = [...RECORDS, ...SVCB_VECTORS];

describe('text to octets to text', () => {
  test.each(cases)('$type $text', ({ type, text, printed, wire }) => {
    const code = typeCode(type);
    const rdata = rdataOf(type, text);
    expect(rdataProblem(code, rdata)).toBeUndefined();
    expect(octetsToHex(rdata)).toBe(wire?.replaceAll(' ', '') ?? octetsToHex(rdata));
    const again = rdataToText(code, rdata);
    expect(again).toBe(printed ?? text);
    expect(rdataOf(type, again)).toEqual(rdata);
    expect(rdataFromWire(code, rdata, 0, rdata.length)).toEqual(rdata);
  });

  test('the cases have every type that has a form, and each example is right', () => {
    const covered = new Set(cases.map(({ type }) => typeCode(type)));
    const obsolete = ['MD', 'MF'].map(typeCode);
    expect([...TYPES.keys()].filter((code) => !covered.has(code))).toEqual(obsolete);
    for (const type of TYPES.values()) {
      expect(readRdata(typeToText(type.code), type.example)).toMatchObject({ ok: true });
    }
  });
});

describe('refused, with a message that says what would be right', () => {
  test.each(WRONG_RECORDS)('$type $text', ({ type, text, says, token }) => {
    const rdata = readRdata(type, text);
    if (rdata.ok) throw new Error(`accepted as ${rdataToText(typeCode(type), rdata.value)}`);
    expect(`${rdata.error.message}; ${rdata.error.remedy ?? ''}`.replace(/; $/u, '')).toMatch(says);
    expect(rdata.error.token).toBe(token);
  });
});

describe('kept, with a warning or without', () => {
  test.each(DOUBTFUL_RECORDS)('$type $text', ({ type, text, says }) => {
    const warning = rdataWarning(typeCode(type), rdataOf(type, text));
    expect(`${warning?.message}; ${warning?.remedy}`).toMatch(says);
  });

  test.each(SOUND_RECORDS)('%s %s', (type, text) => {
    expect(rdataWarning(typeCode(type), rdataOf(type, text))).toBeUndefined();
  });
});

describe('octets', () => {
  test('every octet cut off makes the data malformed or other data, never an exception', () => {
    for (const { type, text } of cases) {
      const code = typeCode(type);
      const whole = rdataOf(type, text);
      for (let length = 0; length < whole.length; length++) {
        const part = whole.slice(0, length);
        const problem = rdataProblem(code, part);
        const read = rdataFromWire(code, whole, 0, length);
        expect(problem !== undefined || octetsToHex(read!) === octetsToHex(part)).toBe(true);
        expect(readRdata(type, rdataToText(code, part)).ok).toBe(problem === undefined);
      }
    }
  });

  test('any octets print as text that reads back to them', () => {
    const codes = [...TYPES.keys(), 65280];
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.uint8Array({ maxLength: 40 }), (code, rdata) => {
        const text = rdataToText(code, rdata);
        const again = readRdata(typeToText(code), text);
        const valid = rdataProblem(code, rdata) === undefined;
        expect(again.ok ? octetsToHex(again.value) : 'refused').toBe(valid ? octetsToHex(rdata) : 'refused');
        expect(valid || text.startsWith('\\# ')).toBe(true);
      }),
      { seed: 1, numRuns: 20_000 },
    );
  });

  test('one octet changed still prints as text that reads back', () => {
    const sample = cases
      .map(({ type, text }) => ({ type, whole: rdataOf(type, text) }))
      .filter((c) => c.whole.length > 0);
    fc.assert(
      fc.property(fc.constantFrom(...sample), fc.nat(), fc.nat(255), ({ type, whole }, at, octet) => {
        const changed = whole.slice();
        changed[at % whole.length] = octet;
        const code = typeCode(type);
        fc.pre(rdataProblem(code, changed) === undefined);
        expect(readRdata(type, rdataToText(code, changed))).toEqual({ ok: true, value: changed });
      }),
      { seed: 2, numRuns: 20_000 },
    );
  });

  test('TXT of any text reads back, over several strings', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 }), (parts) => {
        const rdata = new Uint8Array(Buffer.concat(parts.flatMap((part) => [Uint8Array.of(part.length), part])));
        expect(rdataOf('TXT', rdataToText(typeCode('TXT'), rdata))).toEqual(rdata);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});

describe('names in record data', () => {
  const compressible = ['CNAME', 'MB', 'MD', 'MF', 'MG', 'MINFO', 'MR', 'MX', 'NS', 'PTR', 'SOA'];

  test('only types of RFC 1035 may be compressed', () => {
    for (const type of TYPES.values()) {
      const names = namesIn(type.code, rdataOf(typeToText(type.code), type.example));
      const expected = compressible.includes(typeToText(type.code));
      expect({ type: type.code, some: names.some((name) => name.compress) }).toEqual({
        type: type.code,
        some: expected,
      });
      expect(names.every((name) => name.compress === expected)).toBe(true);
    }
  });

  test('stand where they are said to', () => {
    expect(namesIn(typeCode('MX'), rdataOf('MX', '10 a.b.'))).toEqual([
      { offset: 2, length: 5, compress: true, additional: true },
    ]);
    expect(namesIn(typeCode('SOA'), rdataOf('SOA', 'a. bc. 1 2 3 4 5'))).toEqual([
      { offset: 0, length: 3, compress: true, additional: false },
      { offset: 3, length: 4, compress: true, additional: false },
    ]);
    expect(namesIn(typeCode('NAPTR'), rdataOf('NAPTR', '1 2 "s" "" "" a.'))).toEqual([
      { offset: 8, length: 3, compress: false, additional: false },
    ]);
    expect(namesIn(typeCode('SRV'), rdataOf('SRV', '1 2 3 a.'))[0]).toMatchObject({
      compress: false,
      additional: true,
    });
    expect(namesIn(typeCode('TXT'), rdataOf('TXT', 'a'))).toEqual([]);
    expect(namesIn(typeCode('A6'), rdataOf('A6', '0 ::1'))).toEqual([]);
    expect(namesIn(typeCode('A6'), rdataOf('A6', '128 a.'))).toMatchObject([{ offset: 1, length: 3, compress: false }]);
    expect(namesIn(typeCode('MX'), Uint8Array.of(0))).toEqual([]);
    expect(namesIn(65280, Uint8Array.of(0))).toEqual([]);
  });

  test('are lower case in the canonical form of the types of RFC 4034 6.2 alone', () => {
    expect(rdataToText(typeCode('MX'), rdataCanonical(typeCode('MX'), rdataOf('MX', '10 MAIL.')))).toBe('10 mail.');
    for (const [type, upper, lower] of [
      ['SRV', '1 2 3 A.', '1 2 3 a.'],
      ['PX', '1 A. B.', '1 a. b.'],
      ['NXT', 'A. A', 'a. A'],
      ['A6', '64 ::1 A.', '64 ::1 a.'],
      ['SIG', 'A 5 1 0 1 1 1 Org. QUFB', 'A 5 1 0 1 1 1 org. QUFB'],
    ] as const) {
      expect(rdataCanonical(typeCode(type), rdataOf(type, upper))).toEqual(rdataOf(type, lower));
    }
    expect(rdataCanonical(typeCode('RRSIG'), rdataOf('RRSIG', 'A 5 1 0 1 1 1 Org. QUFB'))).toEqual(
      rdataOf('RRSIG', 'A 5 1 0 1 1 1 org. QUFB'),
    );
    for (const [type, text] of [
      ['NSEC', 'A. NS'],
      ['SVCB', '1 A.'],
      ['TXT', 'ABC'],
      ['HINFO', 'ABC DEF'],
      ['LP', '1 A.'],
      ['TALINK', 'A. B.'],
      ['DSYNC', 'CDS NOTIFY 53 A.'],
      ['IPSECKEY', '1 3 0 A.'],
      ['HIP', '2 20 AA== A.'],
    ] as const) {
      expect(rdataCanonical(typeCode(type), rdataOf(type, text))).toEqual(rdataOf(type, text));
    }
  });
});

describe('record data in a message', () => {
  // "org." at 0, then data whose name is "a" and a pointer to it.
  const org = [3, 0x6f, 0x72, 0x67, 0];
  const pointed = [1, 0x61, 0xc0, 0];

  test('is decompressed in the types of RFC 1035 and of RFC 3597 4', () => {
    const numbers: Record<string, number[]> = {
      MX: [0, 10],
      SRV: [0, 1, 0, 2, 0, 3],
      CNAME: [],
      RP: [0],
      AFSDB: [0, 1],
      PX: [0, 1, 0],
      A6: [128],
    };
    const texts: Record<string, string> = {
      MX: '10 a.org.',
      SRV: '1 2 3 a.org.',
      CNAME: 'a.org.',
      RP: '. a.org.',
      AFSDB: '1 a.org.',
      PX: '1 . a.org.',
      A6: '128 a.org.',
    };
    for (const [type, prefix] of Object.entries(numbers)) {
      const message = Uint8Array.from([...org, ...prefix, ...pointed]);
      const rdata = rdataFromWire(typeCode(type), message, org.length, prefix.length + pointed.length);
      expect(rdata).toEqual(rdataOf(type, texts[type]!));
    }
  });

  test('is malformed with a pointer elsewhere', () => {
    for (const [type, prefix] of [
      ['SVCB', [0, 1]],
      ['NSEC', []],
      ['LP', [0, 1]],
      ['TALINK', [0]],
      ['DSYNC', [0, 59, 1, 0, 53]],
      ['IPSECKEY', [1, 3, 0]],
      ['AMTRELAY', [1, 3]],
      ['HIP', [1, 2, 0, 1, 1, 1]],
    ] as const) {
      const message = Uint8Array.from([...org, ...prefix, ...pointed]);
      expect(rdataFromWire(typeCode(type), message, org.length, prefix.length + pointed.length)).toBeUndefined();
    }
    const message = Uint8Array.from([...org, ...pointed]);
    expect(rdataFromWire(65280, message, org.length, 4)).toEqual(Uint8Array.from(pointed));
  });

  test('never reaches over its end or the message', () => {
    const message = Uint8Array.from([...org, ...pointed]);
    const cname = typeCode('CNAME');
    expect(rdataFromWire(cname, message, org.length, 3)).toBeUndefined();
    expect(rdataFromWire(cname, message, org.length, 5)).toBeUndefined();
    expect(rdataFromWire(cname, message, -1, 4)).toBeUndefined();
    expect(rdataFromWire(typeCode('A'), message, 6, 4)).toBeUndefined();
  });
});

describe('types', () => {
  test('by mnemonic in any case, or by number', () => {
    expect([typeFromText('aaaa'), typeFromText('TYPE28'), typeFromText('type65535')]).toEqual([28, 28, 65535]);
    expect([typeFromText('TYPE65536'), typeFromText('TYPE'), typeFromText('AA'), typeFromText('')]).toEqual(
      Array.from({ length: 4 }),
    );
    expect([typeToText(65), typeToText(65280)]).toEqual(['HTTPS', 'TYPE65280']);
    for (let code = 0; code < 65536; code++) expect(typeFromText(typeToText(code))).toBe(code);
  });

  test('of data are apart from those of questions and of messages', () => {
    expect(['A', 'TYPE127', 'CAA', 'TYPE65280'].map((text) => isDataType(typeCode(text)))).toEqual(Array(4).fill(true));
    expect(
      ['OPT', 'TSIG', 'ANY', 'AXFR', 'TYPE0', 'NXNAME', 'TYPE65535'].map((text) => isDataType(typeCode(text))),
    ).toEqual(Array(7).fill(false));
  });
});
