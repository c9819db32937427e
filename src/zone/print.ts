import { Type } from '../wire/codes.ts';
import { labelCount, LOWER, nameToText, parentOf, type WireName } from '../wire/name.ts';
import { rdataToText, typeToText } from '../wire/rdata/mod.ts';
import type { ZoneData } from './zone.ts';

/** A zone as a master file: owners in canonical order (RFC 4034 6.1), the SOA first, every record with its TTL. */
export function printZone({ origin, nodes }: ZoneData): string {
  const sorted = [...nodes.values()].sort((a, b) => compareNames(a.name, b.name));
  const lines = [`$ORIGIN ${nameToText(origin)}`];
  for (const { name, rrsets } of sorted) {
    const owner = nameToText(name);
    const rank = (type: number): number => (type === Type.SOA ? -2 : type === Type.NS ? -1 : type);
    for (const { type, ttl, rdatas } of [...rrsets].sort((a, b) => rank(a.type) - rank(b.type))) {
      for (const rdata of rdatas) lines.push(`${owner} ${ttl} IN ${typeToText(type)} ${rdataToText(type, rdata)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Canonical order: label by label from the right, as lower-cased octets. */
function compareNames(a: WireName, b: WireName): number {
  const as = labelsFromRoot(a);
  const bs = labelsFromRoot(b);
  for (let i = 0; i < Math.min(as.length, bs.length); i++) {
    const order = compareLabels(as[i]!, bs[i]!);
    if (order !== 0) return order;
  }
  return as.length - bs.length;
}

function labelsFromRoot(name: WireName): Uint8Array[] {
  const labels: Uint8Array[] = [];
  let rest = name;
  for (let i = labelCount(name); i > 0; i--) {
    labels.unshift(rest.subarray(1, 1 + rest[0]!));
    rest = parentOf(rest);
  }
  return labels;
}

function compareLabels(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = LOWER[a[i]!]! - LOWER[b[i]!]!;
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
