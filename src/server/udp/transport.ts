import type { SourceAddress } from '../client-address.ts';

/** Answers one datagram: octets written to `out`, which may be `message`; 0 to send nothing. Synchronous. */
export type AnswerUdp = (message: Uint8Array, length: number, source: SourceAddress, out: Uint8Array) => number;

/** A burst of queries waits here rather than being lost; octets; the kernel may grant less. */
export const RECEIVE_BUFFER = 4 * 1024 * 1024;
