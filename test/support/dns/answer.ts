/**
 * A reader of answers that shares no code with the server's own, so that a mistake of the one is not made by the other.
 * Throws on any malformed message: in a test that is a finding.
 */

export interface Record {
  /** Presentation form, letters' case as sent. */
  readonly owner: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  /** Names in it uncompressed, letters' case as sent. */
  readonly rdata: Uint8Array;
  /** Names in it, uncompressed, in lower case: equal for equal records. */
  readonly key: string;
  /** Presentation forms of the names in it. */
  readonly names: readonly string[];
}

export interface ClientSubnet {
  readonly family: number;
  readonly source: number;
  readonly scope: number;
  readonly address: Uint8Array;
}

export interface Answer {
  readonly size: number;
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionAvailable: boolean;
  readonly question: readonly { readonly name: string; readonly type: number; readonly class: number }[];
  readonly answer: readonly Record[];
  readonly authority: readonly Record[];
  readonly additional: readonly Record[];
  readonly edns:
    | { readonly udpSize: number; readonly version: number; readonly subnet: ClientSubnet | undefined }
    | undefined;
  /** Names compressed where RFC 3597 4 forbids it: `SRV www.example.` */
  readonly forbiddenCompression: readonly string[];
}

/** Where names stand in rdata: `n` a name, digits octets to skip, `s` character-strings. */
const LAYOUT: ReadonlyMap<number, { readonly fields: string; readonly compressible: boolean }> = new Map([
  [2, { fields: 'n', compressible: true }],
  [5, { fields: 'n', compressible: true }],
  [6, { fields: 'nn', compressible: true }],
  [12, { fields: 'n', compressible: true }],
  [15, { fields: '2n', compressible: true }],
  [17, { fields: 'nn', compressible: false }],
  [18, { fields: '2n', compressible: false }],
  [33, { fields: '6n', compressible: false }],
  [35, { fields: '4sssn', compressible: false }],
  [36, { fields: '2n', compressible: false }],
  [39, { fields: 'n', compressible: false }],
  [64, { fields: '2n', compressible: false }],
  [65, { fields: '2n', compressible: false }],
]);

interface NameAt {
  readonly wire: number[];
  readonly end: number;
  readonly compressed: boolean;
}

function readName(bytes: Uint8Array, start: number): NameAt {
  const wire: number[] = [];
  let at = start;
  let end = -1;
  let before = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new Error('a name runs past the message');
    if (length >= 192) {
      const target = ((length & 63) << 8) | (bytes[at + 1] ?? 0);
      if (end < 0) end = at + 2;
      if (target >= before) throw new Error(`a compression pointer at ${at} does not point backwards`);
      before = target;
      at = target;
      continue;
    }
    if (length > 63) throw new Error(`a label of type ${length >> 6}`);
    if (at + 1 + length > bytes.length) throw new Error('a label runs past the message');
    wire.push(...bytes.subarray(at, at + 1 + length));
    at += 1 + length;
    if (wire.length > 255) throw new Error('a name of more than 255 octets');
    if (length === 0) break;
  }
  return { wire, end: end < 0 ? at : end, compressed: end >= 0 };
}

function lower(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}

/** Presentation form of an uncompressed name. */
export function nameText(wire: readonly number[] | Uint8Array): string {
  let text = '';
  for (let at = 0; wire[at] !== 0 && at < wire.length; at += wire[at]! + 1) {
    for (let i = 1; i <= wire[at]!; i++) {
      const code = wire[at + i]!;
      const char = String.fromCharCode(code);
      text += /[a-z0-9_*/-]/iu.test(char) && code < 128 ? char : `\\${String(code).padStart(3, '0')}`;
    }
    text += '.';
  }
  return text === '' ? '.' : text;
}

/** Decodes an answer. Throws when the message is malformed, or octets are left over. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const forbidden: string[] = [];
  let at = 12;
  const question = Array.from({ length: view.getUint16(4) }, () => {
    const name = readName(bytes, at);
    at = name.end + 4;
    return { name: nameText(name.wire), type: view.getUint16(name.end), class: view.getUint16(name.end + 2) };
  });
  const section = (count: number): Record[] =>
    Array.from({ length: count }, () => {
      const owner = readName(bytes, at);
      const type = view.getUint16(owner.end);
      const length = view.getUint16(owner.end + 8);
      const start = owner.end + 10;
      if (start + length > bytes.length) throw new Error('record data run past the message');
      const layout = LAYOUT.get(type);
      let rdata = bytes.slice(start, start + length);
      let key: string;
      const names: string[] = [];
      if (layout !== undefined && length > 0) {
        const expanded: number[] = [];
        const folded: number[] = [];
        let from = start;
        for (const field of layout.fields) {
          if (field === 'n') {
            const name = readName(bytes, from);
            if (name.compressed && !layout.compressible) forbidden.push(`type ${type} ${nameText(name.wire)}`);
            expanded.push(...name.wire);
            folded.push(...name.wire.map(lower));
            names.push(nameText(name.wire));
            from = name.end;
          } else {
            const skip = field === 's' ? 1 + bytes[from]! : Number(field);
            expanded.push(...bytes.subarray(from, from + skip));
            folded.push(...bytes.subarray(from, from + skip));
            from += skip;
          }
        }
        if (from > start + length) throw new Error('names run past their record data');
        expanded.push(...bytes.subarray(from, start + length));
        folded.push(...bytes.subarray(from, start + length));
        rdata = Uint8Array.from(expanded);
        key = Buffer.from(folded).toString('hex');
      } else {
        key = Buffer.from(rdata).toString('hex');
      }
      at = start + length;
      const ttl = view.getUint32(owner.end + 4);
      return { owner: nameText(owner.wire), type, class: view.getUint16(owner.end + 2), ttl, rdata, key, names };
    });
  const answer = section(view.getUint16(6));
  const authority = section(view.getUint16(8));
  const extra = section(view.getUint16(10));
  if (at !== bytes.length) throw new Error(`${bytes.length - at} octets after the last record`);
  const opts = extra.filter((record) => record.type === 41);
  if (opts.length > 1) throw new Error('two OPT records');
  const [opt] = opts;
  return {
    size: bytes.length,
    rcode: (opt === undefined ? 0 : (opt.ttl >>> 24) << 4) | (bytes[3]! & 15),
    authoritative: (bytes[2]! & 4) !== 0,
    truncated: (bytes[2]! & 2) !== 0,
    recursionAvailable: (bytes[3]! & 128) !== 0,
    question,
    answer,
    authority,
    additional: extra.filter((record) => record.type !== 41),
    edns:
      opt === undefined
        ? undefined
        : { udpSize: opt.class, version: (opt.ttl >>> 16) & 255, subnet: subnetOf(opt.rdata) },
    forbiddenCompression: forbidden,
  };
}

function subnetOf(options: Uint8Array): ClientSubnet | undefined {
  for (let at = 0; at + 4 <= options.length;) {
    const code = (options[at]! << 8) | options[at + 1]!;
    const length = (options[at + 2]! << 8) | options[at + 3]!;
    if (at + 4 + length > options.length) throw new Error('an EDNS option runs past the OPT record');
    if (code === 8) {
      const data = options.subarray(at + 4, at + 4 + length);
      if (length < 4) throw new Error('a client subnet of less than 4 octets');
      return { family: (data[0]! << 8) | data[1]!, source: data[2]!, scope: data[3]!, address: data.slice(4) };
    }
    at += 4 + length;
  }
  return undefined;
}
