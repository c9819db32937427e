/** A host that its tenant gave up, and that nobody else may have for a time. */
export interface HostReservation {
  readonly tenant: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

export interface ReservedHost extends HostReservation {
  /** Absolute, lower case. */
  readonly host: string;
  /** Of its zone, without a final dot. */
  readonly origin: string;
}
