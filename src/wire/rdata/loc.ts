import { Type } from '../codes.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { readUint, type Fault, type Field, type RdataType, type Words } from './fields.ts';

/** Thousandths of a second of arc in a degree. */
const DEGREE = 3_600_000;
const MERIDIAN = 2 ** 31;
/** Centimetres below the reference spheroid at which altitudes start. */
const DEPTH = 10_000_000;

interface Axis {
  readonly label: string;
  readonly positive: string;
  readonly negative: string;
  readonly degrees: number;
}

const LATITUDE: Axis = { label: 'latitude', positive: 'N', negative: 'S', degrees: 90 };
const LONGITUDE: Axis = { label: 'longitude', positive: 'E', negative: 'W', degrees: 180 };

/** `d [m [s]] {N|S}`: thousandths of a second around 2^31 (RFC 1876 2). */
function parseAngle(words: Words, axis: Axis): number | Fault {
  const remedy = `write degrees, minutes and seconds, as in 42 21 54.000 ${axis.positive}`;
  let angle = 0;
  for (let part = 0; part < 4 && !words.done; part++) {
    const { text } = words.next();
    const side = text.toUpperCase();
    if (part > 0 && (side === axis.positive || side === axis.negative)) {
      if (angle > axis.degrees * DEGREE) return { message: `a ${axis.label} over ${axis.degrees} degrees`, remedy };
      return side === axis.positive ? MERIDIAN + angle : MERIDIAN - angle;
    }
    const shape = part === 2 ? /^[0-9]{1,2}(?:\.[0-9]{0,3})?$/u : /^[0-9]{1,3}$/u;
    if (part === 3 || !shape.test(text) || (part > 0 && Number(text) >= 60)) {
      return { message: `"${text}" is no part of a ${axis.label}`, remedy };
    }
    angle += Math.round((Number(text) * DEGREE) / 60 ** part);
  }
  return { message: `the ${axis.label} does not end in ${axis.positive} or ${axis.negative}`, remedy };
}

/** Metres with or without `m`, in whole centimetres; undefined when it is no number. */
function centimetres(text: string): number | undefined {
  const metres = /^([+-]?[0-9]{1,8}(?:\.[0-9]{0,2})?)m?$/iu.exec(text)?.[1];
  return metres === undefined ? undefined : Math.round(Number(metres) * 100);
}

/** Mantissa and power of ten of centimetres, four bits each (RFC 1876 2). */
function precision(value: number): number {
  let exponent = 0;
  let mantissa = value;
  while (mantissa >= 10) {
    mantissa = Math.floor(mantissa / 10);
    exponent++;
  }
  return (mantissa << 4) | exponent;
}

function parse(words: Words, out: ByteWriter): Fault | undefined {
  const latitude = parseAngle(words, LATITUDE);
  if (typeof latitude === 'object') return latitude;
  const longitude = parseAngle(words, LONGITUDE);
  if (typeof longitude === 'object') return longitude;
  if (words.done) return { message: 'the altitude is missing', remedy: 'write metres, as in -24m' };
  const { text } = words.next();
  const altitude = centimetres(text);
  if (altitude === undefined || altitude < -DEPTH || altitude + DEPTH > 0xffffffff) {
    return { message: `"${text}" is no altitude`, remedy: 'write metres from -100000m to 42849672.95m' };
  }
  // The defaults of RFC 1876 3: 1 m, 10 km, 10 m.
  const precisions = [100, 1_000_000, 1000];
  for (let i = 0; i < 3 && !words.done; i++) {
    const word = words.next().text;
    const value = centimetres(word);
    if (value === undefined || value < 0 || value > 9_000_000_000) {
      return { message: `"${word}" is no size or precision`, remedy: 'write metres from 0m to 90000000m' };
    }
    precisions[i] = value;
  }
  out.u8(0);
  for (const value of precisions) out.u8(precision(value));
  out.u32(latitude);
  out.u32(longitude);
  out.u32(altitude + DEPTH);
  return undefined;
}

function printAngle(value: number, axis: Axis): string {
  const angle = Math.abs(value - MERIDIAN);
  const degrees = Math.floor(angle / DEGREE);
  const minutes = Math.floor((angle % DEGREE) / 60_000);
  const seconds = ((angle % 60_000) / 1000).toFixed(3);
  return `${degrees} ${minutes} ${seconds} ${value < MERIDIAN ? axis.negative : axis.positive}`;
}

function printPrecision(octet: number): string {
  const value = (octet >>> 4) * 10 ** (octet & 15);
  return `${value % 100 === 0 ? value / 100 : (value / 100).toFixed(2)}m`;
}

const location: Field = {
  label: 'latitude, a longitude and an altitude',
  parse,
  // Of another version than 0 nothing more is known (RFC 1876 2).
  measure: (bytes, at, end) => (at < end && bytes[at] !== 0 ? end - at : at + 16 <= end ? 16 : -1),
  print(bytes, at) {
    if (bytes[at] !== 0) return undefined;
    const altitude = (readUint(bytes, at + 12, 4) - DEPTH) / 100;
    return [
      printAngle(readUint(bytes, at + 4, 4), LATITUDE),
      printAngle(readUint(bytes, at + 8, 4), LONGITUDE),
      `${altitude.toFixed(2)}m`,
      ...[1, 2, 3].map((i) => printPrecision(bytes[at + i]!)),
    ].join(' ');
  },
};

/** RFC 1876. */
export const loc: RdataType = {
  code: Type.LOC,
  fields: [location],
  example: '42 21 54 N 71 06 18 W -24m 30m',
  check(rdata) {
    if (rdata[0] !== 0) return undefined;
    for (const i of [1, 2, 3]) {
      const mantissa = rdata[i]! >>> 4;
      const exponent = rdata[i]! & 15;
      if (mantissa > 9 || exponent > 9 || (mantissa === 0 && exponent > 0)) return 'a size or precision is malformed';
    }
    if (Math.abs(readUint(rdata, 4, 4) - MERIDIAN) > 90 * DEGREE) return 'a latitude over 90 degrees';
    if (Math.abs(readUint(rdata, 8, 4) - MERIDIAN) > 180 * DEGREE) return 'a longitude over 180 degrees';
    return undefined;
  },
};
