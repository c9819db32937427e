/** A line that is longer is no watch event: etcd takes objects of 1.5 MiB at most. */
const LONGEST_LINE = 64 * 1024 * 1024;

const NEWLINE = 10;

/**
 * The lines of a stream, without their ends; what follows the last newline is not one: the stream broke there.
 * @throws Error when a line is longer than 64 MiB
 */
export async function* readLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      rest.push(bytes.subarray(from, end));
      yield (rest.length === 1 ? rest[0]! : Buffer.concat(rest)).toString('utf8');
      rest = [];
      length = 0;
      from = end + 1;
    }
    if (from === bytes.length) continue;
    rest.push(bytes.subarray(from));
    length += bytes.length - from;
    if (length > LONGEST_LINE) throw new Error(`a line of more than ${LONGEST_LINE} octets`);
  }
}
