/** The package has no types of its own; only what the tests use of it. */
declare module 'dns-packet' {
  export interface DnsPacket {
    readonly id: number;
    readonly questions: readonly { readonly name: string; readonly type: string }[];
    readonly answers: readonly { readonly name: string; readonly type: string; readonly data?: unknown }[];
    readonly authorities: readonly unknown[];
    readonly additionals: readonly { readonly type: string; readonly options?: readonly unknown[] }[];
  }
  export function decode(buffer: Buffer): DnsPacket;
  export function encode(packet: DnsPacket): Buffer;
}
