import type { Problem } from '../lib/problem.ts';
import { parseAddress } from '../lib/address.ts';
import { Type } from '../wire/codes.ts';
import { isAtOrBelow, LOWER, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { hashName, unhashLabels } from '../wire/name-hash.ts';
import { namesIn, typeToText } from '../wire/rdata/mod.ts';
import { dnssecOf } from './dnssec.ts';
import type { ZoneData } from './zone.ts';

/** What may stand beside a CNAME (RFC 4034 2.5, 4; RFC 2181 10.1 for SIG, KEY and NXT). */
const BESIDE_CNAME = new Set<number>([Type.CNAME, Type.RRSIG, Type.NSEC, 24, 25, 30]);
/** Types whose owners are hosts (RFC 952, RFC 1123 2.1). */
const HOST_OWNED = new Set<number>([Type.A, Type.AAAA, Type.MX]);
const GLUE = new Set<number>([Type.A, Type.AAAA]);

export interface ZoneProblem extends Problem {
  /** Absolute name, in lower case, of a host that has no address in the zone. It may have one from elsewhere. */
  readonly absent?: string;
}

/** A problem as an operator is told of it. */
export function plainProblem({ absent, ...problem }: ZoneProblem): Problem {
  void absent;
  return problem;
}

/** What an operator allows of what is otherwise an error. */
export interface Allowance {
  /** A zone that was signed beforehand is served without its signatures. */
  readonly unsigned?: boolean;
}

/**
 * Checks a zone as a whole: an error is what BIND's `named-checkzone` refuses with its default options and what cannot
 * be served as it is meant, a warning what BIND mentions, or what would surprise.
 */
export function checkZone(zone: ZoneData, allowed: Allowance = {}): ZoneProblem[] {
  return new Checker(zone, allowed).run();
}

/** What a name leads to inside the zone. */
type Target = 'address' | 'none' | 'cname' | 'dname' | 'delegated' | 'outside';

/** A delegation or a DNAME. */
interface Cover {
  readonly name: WireName;
  readonly type: number;
}

/** In place of a name's number: it is not in the zone, or has no record. */
const ABSENT = -1;

class Checker {
  readonly #zone: ZoneData;
  readonly #allowed: Allowance;
  readonly #problems: ZoneProblem[] = [];
  readonly #apexName: number;
  /** Whether there is any delegation or DNAME: in most zones there is none to look for. */
  readonly #hasCovers: boolean;
  /** Names that exist without records, in lower case; made when they are first needed. */
  #emptyNonTerminals: ReadonlySet<string> | undefined;

  constructor(zone: ZoneData, allowed: Allowance) {
    this.#zone = zone;
    this.#allowed = allowed;
    this.#apexName = zone.find(zone.origin);
    this.#hasCovers = this.#findsCovers();
  }

  #findsCovers(): boolean {
    const zone = this.#zone;
    const apexEnd = this.#apexName === ABSENT ? 0 : zone.firstSet(this.#apexName + 1);
    const apexStart = this.#apexName === ABSENT ? 0 : zone.firstSet(this.#apexName);
    for (let set = 0; set < zone.setCount; set++) {
      const type = zone.setType(set);
      if (type === Type.DNAME || (type === Type.NS && (set < apexStart || set >= apexEnd))) return true;
    }
    return false;
  }

  run(): ZoneProblem[] {
    this.#apex();
    this.#dnssec();
    for (let name = 0; name < this.#zone.nameCount; name++) this.#name(name);
    return this.#problems;
  }

  #report(
    severity: Problem['severity'],
    owner: WireName,
    type: number,
    message: string,
    remedy: string,
    absent?: string,
  ): void {
    const name = this.#zone.find(owner);
    const set = name === ABSENT ? ABSENT : this.#zone.setOf(name, type);
    const place = set === ABSENT ? {} : this.#zone.placeOf(set);
    const at = `${nameToText(owner)} ${typeToText(type)}`;
    // A place inside a resource is the more useful field; the record goes into the sentence then.
    const field = 'field' in place && place.field !== undefined ? place.field : at;
    const text = field === at ? message : `${at}: ${message}`;
    const more = absent === undefined ? {} : { absent };
    this.#problems.push({ severity, ...place, field, message: text, remedy, ...more });
  }

  #apex(): void {
    const { origin } = this.#zone;
    if (!this.#has(this.#apexName, Type.SOA)) {
      const remedy = 'write `@ SOA ns1 hostmaster 1 7200 900 1209600 300`';
      this.#report('error', origin, Type.SOA, 'the zone has no SOA record', remedy);
    }
    if (!this.#has(this.#apexName, Type.NS)) {
      const remedy = 'write `@ NS ns1` and the address of ns1';
      this.#report('error', origin, Type.NS, 'the zone has no NS record at its apex', remedy);
    }
  }

  /** Answers have no signatures, which RFC 4035 3.1 asks for in a signed zone: validating resolvers reject them. */
  #dnssec(): void {
    const { signatures, keys } = dnssecOf(this.#zone);
    if (signatures !== undefined && this.#allowed.unsigned === true) {
      const remedy = 'the parent zone must have no DS record for it: see that it has none';
      const message = 'the zone is signed, and served without its signatures, as allowed';
      this.#report('warning', signatures.owner, signatures.type, message, remedy);
    } else if (signatures !== undefined) {
      const message =
        'the zone is signed, but signatures are not served: with a DS record at its parent, validating resolvers would reject every answer';
      const remedy =
        'remove that DS and serve the zone unsigned; if there is none, `allowUnsigned: true` in a Zone or `--allow-unsigned` serves it as it is';
      this.#report('error', signatures.owner, signatures.type, message, remedy);
    } else if (keys !== undefined) {
      const message =
        'a DNSSEC key in a zone without signatures: with a DS record at its parent, validating resolvers would reject every answer';
      const remedy = 'remove the key; a CDS or CDNSKEY with algorithm 0 asks the parent to remove its DS (RFC 8078 4)';
      this.#report('warning', keys.owner, keys.type, message, remedy);
    }
  }

  #has(name: number, type: number): boolean {
    return name !== ABSENT && this.#zone.setOf(name, type) !== ABSENT;
  }

  #name(name: number): void {
    const zone = this.#zone;
    const first = zone.firstSet(name);
    const end = zone.firstSet(name + 1);
    const atApex = name === this.#apexName;
    const cover = this.#hasCovers ? this.#cover(zone.nameAt(name)) : undefined;
    for (let set = first; set < end; set++) {
      const type = zone.setType(set);
      if (type === Type.CNAME) this.#besideCname(name);
      if (HOST_OWNED.has(type) && !isHostName(zone.bytes, zone.nameStart(name), true)) {
        const remedy = 'host names have letters, digits and hyphens (RFC 1123 2.1)';
        this.#report('warning', zone.nameAt(name), type, 'the owner is no host name', remedy);
      }
      if (cover !== undefined && !(cover.type === Type.NS && GLUE.has(type))) {
        const what = cover.type === Type.NS ? 'is below the delegation' : 'is below the DNAME';
        const message = `${what} of ${nameToText(cover.name)}, and is never served`;
        this.#report('warning', zone.nameAt(name), type, message, 'take it away');
      }
      // Most sets are of addresses, and there is no more to say of these.
      if (!GLUE.has(type)) this.#set(name, set, type, atApex);
    }
  }

  #besideCname(name: number): void {
    const zone = this.#zone;
    for (let set = zone.firstSet(name); set < zone.firstSet(name + 1); set++) {
      const type = zone.setType(set);
      if (BESIDE_CNAME.has(type)) continue;
      const remedy = 'a name with a CNAME has nothing else (RFC 1034 3.6.2): take one away';
      this.#report('error', zone.nameAt(name), Type.CNAME, `stands beside ${typeToText(type)}`, remedy);
      return;
    }
  }

  #set(name: number, set: number, type: number, atApex: boolean): void {
    const owner = this.#zone.nameAt(name);
    if (type === Type.SOA && !atApex) {
      const remedy = `an SOA belongs to ${nameToText(this.#zone.origin)} alone`;
      this.#report('error', owner, Type.SOA, 'an SOA that is not at the apex', remedy);
    }
    if (type === Type.DS && atApex) {
      const remedy = 'a DS belongs to the parent zone, which is asked for it (RFC 4035 2.4)';
      this.#report('error', owner, Type.DS, 'a DS at the apex, where it is never served', remedy);
    }
    if (type === Type.NS && owner[0] === 1 && owner[1] === 0x2a) {
      this.#report('error', owner, Type.NS, 'a wildcard cannot be delegated', 'delegate each name (RFC 4592 4.2)');
    }
    this.#targets(owner, set, type, atApex);
  }

  #targets(owner: WireName, set: number, type: number, atApex: boolean): void {
    if (type !== Type.NS && type !== Type.MX && type !== Type.SRV) return;
    const zone = this.#zone;
    for (let data = zone.firstData(set); data < zone.firstData(set + 1); data++) {
      const rdata = zone.dataAt(data);
      const field = namesIn(type, rdata)[0];
      if (field === undefined) continue;
      const target = rdata.subarray(field.offset, field.offset + field.length);
      // The root means "none": no mail (RFC 7505), no service (RFC 2782).
      if (target[0] === 0 && type !== Type.NS) continue;
      const text = nameToText(target);
      if (looksLikeAddress(text, zone.origin)) {
        this.#report('warning', owner, type, `${text} is an address`, 'name a host, and give that the address');
      } else if (type !== Type.SRV && !isHostName(target, 0, false)) {
        const remedy = 'host names have letters, digits and hyphens (RFC 1123 2.1)';
        this.#report('warning', owner, type, `${text} is no host name`, remedy);
      }
      const severity = type === Type.NS && atApex ? 'error' : 'warning';
      this.#target(severity, owner, type, target, text);
    }
  }

  #target(severity: Problem['severity'], owner: WireName, type: number, target: WireName, text: string): void {
    switch (this.#resolve(target)) {
      case 'cname':
        return this.#report(
          severity,
          owner,
          type,
          `${text} is a CNAME`,
          'name the host that it leads to (RFC 2181 10.3)',
        );
      case 'dname':
        return this.#report(severity, owner, type, `${text} is below a DNAME`, 'name a host that is not renamed');
      case 'none':
        return this.#report(
          severity,
          owner,
          type,
          `${text} has no address`,
          `add an A or AAAA record for ${text}`,
          text.toLowerCase(),
        );
      case 'delegated':
        // Only glue can help there; without it the delegation to a host inside itself leads nowhere.
        return type === Type.NS
          ? this.#report('warning', owner, type, `${text} has no glue`, `add an A or AAAA record for ${text}`)
          : undefined;
      default:
        return undefined;
    }
  }

  #resolve(target: WireName): Target {
    const zone = this.#zone;
    if (!isAtOrBelow(target, zone.origin)) return 'outside';
    const name = zone.find(target);
    const cover = this.#hasCovers ? (this.#cover(target) ?? this.#delegation(name)) : undefined;
    if (cover?.type === Type.DNAME) return 'dname';
    if (this.#has(name, Type.A) || this.#has(name, Type.AAAA)) return 'address';
    if (cover !== undefined) return 'delegated';
    if (name !== ABSENT) return this.#has(name, Type.CNAME) ? 'cname' : 'none';
    return this.#wildcard(target);
  }

  #delegation(name: number): Cover | undefined {
    const isDelegated = name !== this.#apexName && this.#has(name, Type.NS);
    return isDelegated ? { name: this.#zone.nameAt(name), type: Type.NS } : undefined;
  }

  /** What a wildcard makes of a name that does not exist (RFC 4592 3.3.1). */
  #wildcard(target: WireName): Target {
    const zone = this.#zone;
    const empty = (this.#emptyNonTerminals ??= emptyNonTerminalsOf(zone));
    if (empty.has(lowerText(target, 0))) return 'none';
    let at = target[0]! + 1;
    const apexAt = target.length - zone.origin.length;
    while (at < apexAt && zone.find(target, at) === ABSENT && !empty.has(lowerText(target, at))) at += target[at]! + 1;
    const name = zone.find(Uint8Array.of(1, 0x2a, ...target.subarray(at)));
    if (name === ABSENT) return 'none';
    if (this.#has(name, Type.CNAME)) return 'cname';
    return this.#has(name, Type.A) || this.#has(name, Type.AAAA) ? 'address' : 'none';
  }

  /** The delegation or DNAME above a name, the highest one. */
  #cover(name: WireName): Cover | undefined {
    const zone = this.#zone;
    const apexAt = name.length - zone.origin.length;
    let cover: Cover | undefined;
    let hash = hashName(name, 0, name.length);
    for (let at = 0; at < apexAt;) {
      const above = at + name[at]! + 1;
      hash = unhashLabels(name, at, above, hash);
      at = above;
      const found = zone.findHashed(name, at, name.length, hash);
      if (found === ABSENT) continue;
      if (this.#has(found, Type.DNAME)) cover = { name: zone.nameAt(found), type: Type.DNAME };
      if (at < apexAt && this.#has(found, Type.NS)) cover = { name: zone.nameAt(found), type: Type.NS };
    }
    return cover;
  }
}

/** Names that exist only because of names below them, as `lowerText`. */
function emptyNonTerminalsOf(zone: ZoneData): Set<string> {
  const found = new Set<string>();
  for (let name = 0; name < zone.nameCount; name++) {
    const wire = zone.nameAt(name);
    const apexAt = wire.length - zone.origin.length;
    for (let at = wire[0]! + 1; at < apexAt; at += wire[at]! + 1) {
      if (zone.find(wire, at) !== ABSENT) break;
      const text = lowerText(wire, at);
      if (found.has(text)) break;
      found.add(text);
    }
  }
  return found;
}

/** A name from an offset on, as a key of sets. */
function lowerText(name: WireName, at: number): string {
  return nameKey(name.subarray(at));
}

/** Labels of letters, digits and inner hyphens; an owner may begin with `*`. */
function isHostName(b: Uint8Array, start: number, wildcard: boolean): boolean {
  let at = wildcard && b[start] === 1 && b[start + 1] === 0x2a ? start + 2 : start;
  for (; b[at] !== 0; at += b[at]! + 1) {
    const end = at + b[at]!;
    for (let i = at + 1; i <= end; i++) {
      const code = LOWER[b[i]!]!;
      const alphanumeric = (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
      if (!alphanumeric && (code !== 0x2d || i === at + 1 || i === end)) return false;
    }
  }
  return true;
}

/** An address in place of a name: as it is, or with the origin that a missing dot has added. */
function looksLikeAddress(text: string, origin: WireName): boolean {
  const suffix = `.${nameToText(origin)}`;
  const bare = text.endsWith(suffix) ? text.slice(0, -suffix.length) : text.slice(0, -1);
  return parseAddress(bare) !== undefined;
}
