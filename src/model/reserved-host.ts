/** In place of a tenant: a namespace of edge clusters, which a Zone lets claim hosts. No tenant's name has a blank. */
export const claimantOf = (namespace: string): string => `namespace ${namespace}`;

export const isClaimant = (tenant: string): boolean => tenant.includes(' ');

/** A host that its tenant gave up, and that nobody else may have for a time. */
export interface HostReservation {
  readonly tenant: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** A host that several namespaces of edge clusters claim. */
export interface ContestedHost {
  /** Absolute, lower case. */
  readonly host: string;
  /** Of its zone, without a final dot. */
  readonly origin: string;
  /** The namespace that has it. */
  readonly namespace: string;
}

export interface ReservedHost extends HostReservation {
  /** Absolute, lower case. */
  readonly host: string;
  /** Of its zone, without a final dot. */
  readonly origin: string;
}
