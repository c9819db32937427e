/**
 * Resources after every reference was followed and every default filled in: what steering and compiling read.
 * Made by resolve/resolve.ts; nothing here is optional.
 */
import type { ObservedPort } from './observed.ts';

export interface ResolvedSite {
  readonly name: string;
  readonly region: string;
  /** Carrier names and `AS<number>`s; empty for a neutral site. */
  readonly isps: readonly string[];
  /** Degrees: the site's own, or its region's centre. */
  readonly latitude: number;
  readonly longitude: number;
  readonly cost: number;
}

/** What is known of an endpoint from its edge cluster. */
export interface ObservedEndpoint {
  /** `namespace/name`s of the Services behind the address. */
  readonly services: readonly string[];
  readonly readyReplicas: number;
  /** As the cluster has it; undefined: the export's default. */
  readonly requestsPerReplica?: number | undefined;
  readonly ports: readonly ObservedPort[];
}

export interface ResolvedEndpoint {
  /** Canonical text (RFC 5952 for IPv6). */
  readonly address: string;
  readonly family: 4 | 6;
  /** 4 or 16 octets. */
  readonly bytes: Uint8Array;
  readonly site: string;
  /** Where the address itself is, when that is not where its site is: another ISP, a region inside the site's. */
  readonly place?: ResolvedSite | undefined;
  /** Of an address of an edge cluster: what its weight comes from. */
  readonly observed?: ObservedEndpoint | undefined;
  /** The weight that counts, overrides applied. */
  readonly weight: number;
  /** The weight as the export has it. */
  readonly ownWeight: number;
  /** Names and reasons of the overrides that changed it, in order. */
  readonly overrides: readonly { readonly name: string; readonly reason: string; readonly weight: number }[];
  readonly up: boolean;
}

export interface ResolvedRule {
  /** As the operator named it, else `rules[2]`. */
  readonly name: string;
  /** Empty: any. */
  readonly regions: readonly string[];
  /** Empty: any. */
  readonly isps: readonly string[];
  /** Undefined: no restriction. */
  readonly only: readonly string[] | undefined;
  readonly deny: readonly string[];
}

/** One measured round trip; '' in region or isp matches any. The most particular entry wins. */
export interface MatrixEntry {
  readonly region: string;
  readonly isp: string;
  readonly site: string;
  readonly ms: number;
}

export interface ResolvedPolicy {
  readonly rules: readonly ResolvedRule[];
  /** Tiers of site names, first is best; empty: all sites are one tier. */
  readonly failover: readonly (readonly string[])[];
  /** What one millisecond and one unit of cost count for; both 0: weights alone. */
  readonly objective: { readonly latency: number; readonly cost: number };
  readonly ispPenaltyMs: number;
  readonly toleranceMs: number;
  readonly matrix: readonly MatrixEntry[];
  readonly maxAnswers: number;
  /** Seconds. */
  readonly ttl: number;
  readonly spread: { readonly ipv4: number; readonly ipv6: number };
}

export interface ResolvedExport {
  readonly tenant: string;
  readonly name: string;
  /** Namespace of edge clusters that claims its host; absent: somebody wrote the export. */
  readonly claimant?: string;
  /** Absolute, lower case, with the final dot; `<export>.<tenant>.<target zone>` included. */
  readonly hosts: readonly string[];
  readonly endpoints: readonly ResolvedEndpoint[];
  readonly policy: ResolvedPolicy;
  /** Share of capacity that may be found gone at once; default 0.3. */
  readonly maxChange?: number;
}
