import type { Problem } from '../lib/problem.ts';
import { parseAddress } from '../lib/address.ts';
import { Type } from '../wire/codes.ts';
import { isAtOrBelow, LOWER, nameKey, nameToText, type WireName } from '../wire/name.ts';
import { namesIn, typeToText } from '../wire/rdata/mod.ts';
import type { Whereabouts } from './builder.ts';
import { dnssecOf } from './dnssec.ts';
import type { RRset, ZoneData, ZoneNode } from './zone.ts';

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
export function checkZone(zone: ZoneData, where?: Whereabouts, allowed: Allowance = {}): ZoneProblem[] {
  return new Checker(zone, where, allowed).run();
}

/** What a name leads to inside the zone. */
type Target = 'address' | 'none' | 'cname' | 'dname' | 'delegated' | 'outside';

class Checker {
  readonly #zone: ZoneData;
  readonly #where: Whereabouts | undefined;
  readonly #allowed: Allowance;
  readonly #problems: ZoneProblem[] = [];
  readonly #originKey: string;
  /** Keys of names that exist without records. */
  readonly #emptyNonTerminals = new Set<string>();

  constructor(zone: ZoneData, where: Whereabouts | undefined, allowed: Allowance) {
    this.#zone = zone;
    this.#where = where;
    this.#allowed = allowed;
    this.#originKey = nameKey(zone.origin);
  }

  run(): ZoneProblem[] {
    this.#apex();
    this.#dnssec();
    for (const [key, { name }] of this.#zone.nodes) {
      if (!isAtOrBelow(name, this.#zone.origin)) continue;
      for (let rest = up(key); rest.length > this.#originKey.length; rest = up(rest)) {
        if (this.#zone.nodes.has(rest) || this.#emptyNonTerminals.has(rest)) break;
        this.#emptyNonTerminals.add(rest);
      }
    }
    for (const [key, node] of this.#zone.nodes) this.#node(key, node);
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
    const place = this.#where?.locate(owner, type) ?? {};
    const at = `${nameToText(owner)} ${typeToText(type)}`;
    // A place inside a resource is the more useful field; the record goes into the sentence then.
    const field = 'field' in place && place.field !== undefined ? place.field : at;
    const text = field === at ? message : `${at}: ${message}`;
    const more = absent === undefined ? {} : { absent };
    this.#problems.push({ severity, ...place, field, message: text, remedy, ...more });
  }

  #apex(): void {
    const apex = this.#zone.nodes.get(this.#originKey);
    const { origin } = this.#zone;
    if (apex === undefined || find(apex, Type.SOA) === undefined) {
      this.#report(
        'error',
        origin,
        Type.SOA,
        'the zone has no SOA record',
        'write `@ SOA ns1 hostmaster 1 7200 900 1209600 300`',
      );
    }
    if (apex === undefined || find(apex, Type.NS) === undefined) {
      this.#report(
        'error',
        origin,
        Type.NS,
        'the zone has no NS record at its apex',
        'write `@ NS ns1` and the address of ns1',
      );
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

  #node(key: string, node: ZoneNode): void {
    const { name, rrsets } = node;
    const atApex = key === this.#originKey;
    const cname = find(node, Type.CNAME);
    const beside = cname === undefined ? undefined : rrsets.find(({ type }) => !BESIDE_CNAME.has(type));
    if (beside !== undefined) {
      const remedy = 'a name with a CNAME has nothing else (RFC 1034 3.6.2): take one away';
      this.#report('error', name, Type.CNAME, `stands beside ${typeToText(beside.type)}`, remedy);
    }
    const cover = this.#cover(key);
    for (const rrset of rrsets) {
      if (rrset.type === Type.SOA && !atApex) {
        this.#report(
          'error',
          name,
          Type.SOA,
          'an SOA that is not at the apex',
          `an SOA belongs to ${nameToText(this.#zone.origin)} alone`,
        );
      }
      if (rrset.type === Type.DS && atApex) {
        const remedy = 'a DS belongs to the parent zone, which is asked for it (RFC 4035 2.4)';
        this.#report('error', name, Type.DS, 'a DS at the apex, where it is never served', remedy);
      }
      if (rrset.type === Type.NS && name[0] === 1 && name[1] === 0x2a) {
        this.#report('error', name, Type.NS, 'a wildcard cannot be delegated', 'delegate each name (RFC 4592 4.2)');
      }
      if (HOST_OWNED.has(rrset.type) && !isHostName(name, true)) {
        const remedy = 'host names have letters, digits and hyphens (RFC 1123 2.1)';
        this.#report('warning', name, rrset.type, 'the owner is no host name', remedy);
      }
      if (cover !== undefined && !(cover.type === Type.NS && GLUE.has(rrset.type))) {
        const what = cover.type === Type.NS ? 'is below the delegation' : 'is below the DNAME';
        this.#report(
          'warning',
          name,
          rrset.type,
          `${what} of ${nameToText(cover.name)}, and is never served`,
          'take it away',
        );
      }
      this.#targets(name, rrset, atApex);
    }
  }

  #targets(owner: WireName, rrset: RRset, atApex: boolean): void {
    const { type } = rrset;
    if (type !== Type.NS && type !== Type.MX && type !== Type.SRV) return;
    for (const rdata of rrset.rdatas) {
      const field = namesIn(type, rdata)[0];
      if (field === undefined) continue;
      const target = rdata.subarray(field.offset, field.offset + field.length);
      // The root means "none": no mail (RFC 7505), no service (RFC 2782).
      if (target[0] === 0 && type !== Type.NS) continue;
      const text = nameToText(target);
      if (looksLikeAddress(text, this.#zone.origin)) {
        this.#report('warning', owner, type, `${text} is an address`, 'name a host, and give that the address');
      } else if (type !== Type.SRV && !isHostName(target, false)) {
        this.#report(
          'warning',
          owner,
          type,
          `${text} is no host name`,
          'host names have letters, digits and hyphens (RFC 1123 2.1)',
        );
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
    if (!isAtOrBelow(target, this.#zone.origin)) return 'outside';
    const key = nameKey(target);
    const node = this.#zone.nodes.get(key);
    const cover = this.#cover(key) ?? this.#delegation(key, node);
    if (cover?.type === Type.DNAME) return 'dname';
    if (node !== undefined && (find(node, Type.A) ?? find(node, Type.AAAA)) !== undefined) return 'address';
    if (cover !== undefined) return 'delegated';
    if (node !== undefined) return find(node, Type.CNAME) === undefined ? 'none' : 'cname';
    return this.#wildcard(key);
  }

  #delegation(key: string, node: ZoneNode | undefined): { name: WireName; type: number } | undefined {
    const delegated = key !== this.#originKey && node !== undefined && find(node, Type.NS) !== undefined;
    return delegated ? { name: node.name, type: Type.NS } : undefined;
  }

  /** What a wildcard makes of a name that does not exist (RFC 4592 3.3.1). */
  #wildcard(key: string): Target {
    if (this.#emptyNonTerminals.has(key)) return 'none';
    let encloser = up(key);
    while (
      encloser.length > this.#originKey.length &&
      !this.#zone.nodes.has(encloser) &&
      !this.#emptyNonTerminals.has(encloser)
    ) {
      encloser = up(encloser);
    }
    const wildcard = this.#zone.nodes.get(`\u0001*${encloser}`);
    if (wildcard === undefined) return 'none';
    if (find(wildcard, Type.CNAME) !== undefined) return 'cname';
    return (find(wildcard, Type.A) ?? find(wildcard, Type.AAAA)) === undefined ? 'none' : 'address';
  }

  /** The delegation or DNAME above a name, the highest one. */
  #cover(key: string): { name: WireName; type: number } | undefined {
    let cover: { name: WireName; type: number } | undefined;
    if (key === this.#originKey) return undefined;
    for (let rest = up(key); rest.length >= this.#originKey.length; rest = up(rest)) {
      const node = this.#zone.nodes.get(rest);
      if (node !== undefined) {
        if (find(node, Type.DNAME) !== undefined) cover = { name: node.name, type: Type.DNAME };
        if (rest !== this.#originKey && find(node, Type.NS) !== undefined) cover = { name: node.name, type: Type.NS };
      }
      if (rest.length === 1) break;
    }
    return cover;
  }
}

function find({ rrsets }: ZoneNode, type: number): RRset | undefined {
  return rrsets.find((rrset) => rrset.type === type);
}

/** The key without its first label. */
function up(key: string): string {
  return key.slice(key.charCodeAt(0) + 1);
}

/** Labels of letters, digits and inner hyphens; an owner may begin with `*`. */
function isHostName(name: WireName, wildcard: boolean): boolean {
  let at = wildcard && name[0] === 1 && name[1] === 0x2a ? 2 : 0;
  for (; name[at] !== 0; at += name[at]! + 1) {
    const end = at + name[at]!;
    for (let i = at + 1; i <= end; i++) {
      const code = LOWER[name[i]!]!;
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
