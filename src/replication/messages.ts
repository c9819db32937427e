import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Frame, FrameHeader } from './frame.ts';
import type { MemoryMessage } from './node-memory.ts';

/**
 * What a control plane and DNS nodes say to each other, message after message:
 * u32 octets of the body, u32 CRC-32 of the body, u8 1 if it is compressed (zstd), body.
 * A body is u32 octets of a header, the header in JSON, and what the header says of the rest.
 */

/** That nothing changed is said so often. */
export const ALIVE_MS = 2000;

export interface Alive {
  readonly type: 'alive';
  readonly generation: number;
  /** Seconds since the control plane last saw its sources as they are; the oldest of them. */
  readonly age: number;
}

type Header = FrameHeader | Alive | MemoryMessage;

export type Message = { readonly header: Header; readonly octets: Uint8Array };

const PREFIX = 9;
/** Bodies up to here are not worth compressing. */
const COMPRESSED_FROM = 64 * 1024;
/** Nothing that is sent is longer. */
const LONGEST = 2 ** 31;

export function encodeMessage(header: Header, payload: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(text.length);
  const plain = Buffer.concat([size, text, ...payload]);
  const compressed = plain.length >= COMPRESSED_FROM;
  const body = compressed ? zstdCompressSync(plain) : plain;
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeUInt32LE(body.length, 0);
  prefix.writeUInt32LE(crc32(body), 4);
  prefix.writeUInt8(compressed ? 1 : 0, 8);
  return Buffer.concat([prefix, body]);
}

export function encodeFrame({ header, payload }: Frame): Buffer {
  return encodeMessage(header, payload);
}

/** @throws Error when the checksum is not that of the body, or the body makes no sense */
function decodeBody(prefix: Buffer, body: Buffer): Message {
  if (crc32(body) !== prefix.readUInt32LE(4)) throw new Error('a message is damaged: its checksum is another');
  const plain = prefix.readUInt8(8) === 1 ? zstdDecompressSync(body) : body;
  const length = plain.readUInt32LE(0);
  const header = JSON.parse(plain.toString('utf8', 4, 4 + length)) as Header;
  return { header, octets: plain.subarray(4 + length) };
}

/** Cuts a stream into messages. */
export class MessageReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** @returns the messages that are whole by now @throws Error when the stream cannot be read on */
  push(chunk: Buffer): Message[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: Message[] = [];
    for (;;) {
      const prefix = this.#peek(PREFIX);
      if (prefix === undefined) return messages;
      const length = prefix.readUInt32LE(0);
      if (length > LONGEST) throw new Error('a message is longer than any can be');
      if (this.#length < PREFIX + length) return messages;
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      messages.push(decodeBody(prefix, all.subarray(PREFIX, PREFIX + length)));
      const rest = all.subarray(PREFIX + length);
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#length = rest.length;
    }
  }

  #peek(length: number): Buffer | undefined {
    if (this.#length < length) return undefined;
    if (this.#chunks[0]!.length >= length) return this.#chunks[0]!.subarray(0, length);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!.subarray(0, length);
  }
}
