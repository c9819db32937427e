import type { Result } from '../../../src/lib/result.ts';
import { nameFromText, type WireName } from '../../../src/wire/name.ts';
import { octetText, tokensFromText } from '../../../src/wire/presentation.ts';
import { rdataFromText, typeFromText, type RdataError } from '../../../src/wire/rdata/mod.ts';

export function wireName(text: string): WireName {
  const name = nameFromText(text);
  if (!name.ok) throw new Error(name.error);
  return name.value;
}

export function typeCode(mnemonic: string): number {
  const type = typeFromText(mnemonic);
  if (type === undefined) throw new Error(`${mnemonic} is no type`);
  return type;
}

/** Record data on one line, with the origin example.org. */
export function readRdata(type: string, text: string): Result<Uint8Array, RdataError> {
  const tokens = tokensFromText(octetText(text));
  if (!tokens.ok) throw new Error(`${text}: ${tokens.error.message}`);
  return rdataFromText(typeCode(type), tokens.value, wireName('example.org.'));
}

/** As `readRdata`, where the text must be right. */
export function rdataOf(type: string, text: string): Uint8Array {
  const rdata = readRdata(type, text);
  if (!rdata.ok) throw new Error(`${type} ${text}: ${rdata.error.message}`);
  return rdata.value;
}
