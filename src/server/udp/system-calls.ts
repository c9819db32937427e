import { createRequire } from 'node:module';
import { isIPv6 } from 'node:net';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { ipv6FromText, parseAddress } from '../../lib/address.ts';

/**
 * The one place that calls the C library and knows how its structs lie in memory. A wrong offset here is a
 * segmentation fault or worse, so everything that takes a pointer takes memory that this module has allocated itself,
 * and never moves or frees while it is in use. Layouts and numbers are those of Linux on x86-64 and arm64, which are
 * the same: recvmmsg(2), sendmmsg(2), ip(7), ipv6(7), cmsg(3).
 */

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_RCVTIMEO = 20;
const SO_RCVBUFFORCE = 33;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IP_MTU_DISCOVER = 10;
const IPPROTO_IPV6 = 41;
const IPV6_MTU_DISCOVER = 23;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
/** Path MTUs that strangers claim by ICMP are not believed (draft-ietf-dnsop-avoid-fragmentation). */
const PMTUDISC_OMIT = 5;
const MSG_WAITFORONE = 0x10000;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const MOST_INTERRUPTIONS = 100;

export const EINTR = 4;
export const EAGAIN = 11;

const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
/** CMSG_SPACE of in_pktinfo and of in6_pktinfo. */
const CONTROL_IN = 32;
const CONTROL_IN6 = 40;

/** struct mmsghdr, and where its members are; 64-bit members by their low word. */
const MMSGHDR = 64;
const NAME = 0;
const NAMELEN = 8;
const IOV = 16;
const IOVLEN = 24;
const CONTROL = 32;
const CONTROLLEN = 40;
const MSG_LEN = 56;
const IOVEC = 16;
const POLLFD = 8;
const TIMEVAL = 16;

// Loaded when it is wanted: where it is missing, everything else still works.
const require = createRequire(import.meta.url);

type Pointer = bigint;

interface Koffi {
  load(path: string | null): { func(definition: string): (...args: unknown[]) => number };
  alloc(type: string, length: number): unknown;
  address(pointer: unknown): Pointer;
  view(pointer: unknown, length: number): ArrayBuffer;
  free(pointer: unknown): void;
  errno(): number;
}

interface Calls {
  readonly koffi: Koffi;
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly recvmmsg: (fd: number, headers: Pointer, count: number, flags: number, timeout: null) => number;
  readonly sendmmsg: (fd: number, headers: Pointer, count: number, flags: number) => number;
  readonly poll: (fds: Pointer, count: number, timeoutMs: number) => number;
  readonly close: (fd: number) => number;
}

let calls: Calls | string | undefined;

/** The C library, or why it cannot be called. */
function load(): Calls | string {
  if (process.platform !== 'linux') return `batched system calls are for Linux, not ${process.platform}`;
  if (!['x64', 'arm64'].includes(process.arch) || endianness() !== 'LE')
    return `batched system calls are for x64 and arm64, not ${process.arch}`;
  try {
    const koffi = require('koffi') as Koffi;
    const libc = koffi.load(null);
    // `bind` and the like are looked up in the process itself, which is linked with its C library whichever it is.
    return {
      koffi,
      socket: libc.func('int socket(int, int, int)'),
      bind: libc.func('int bind(int, const uint8_t *, uint32_t)'),
      getsockname: libc.func('int getsockname(int, _Inout_ uint8_t *, _Inout_ uint8_t *)'),
      setsockopt: libc.func('int setsockopt(int, int, int, const uint8_t *, uint32_t)'),
      recvmmsg: libc.func('int recvmmsg(int, void *, uint32_t, int, void *)'),
      sendmmsg: libc.func('int sendmmsg(int, void *, uint32_t, int)'),
      poll: libc.func('int poll(void *, unsigned long, int)'),
      close: libc.func('int close(int)'),
    };
  } catch (error) {
    return `koffi cannot be used: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
}

/** Why batched UDP is not to be had here; undefined when it is. */
export function whyNoBatches(): string | undefined {
  calls ??= load();
  return typeof calls === 'string' ? calls : undefined;
}

function system(): Calls {
  calls ??= load();
  if (typeof calls === 'string') throw new Error(calls);
  return calls;
}

function fail(call: string, what: string): never {
  const name = getSystemErrorName(-system().koffi.errno());
  throw Object.assign(new Error(`${call} ${name} ${what}`), { code: name });
}

/** A bound socket. File descriptors are the process's: any thread may use it, and it outlives threads. */
export interface UdpSocket {
  readonly fd: number;
  readonly ipv6: boolean;
  readonly port: number;
  /** Bound to all addresses: answers must say from which one they come. */
  readonly wildcard: boolean;
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/**
 * Opens and binds a blocking UDP socket whose reads give up after `timeoutMs`.
 * @param receiveBuffer octets; the kernel may grant less
 * @throws Error with the system's name for what is wrong as `code`
 */
export function openUdp(
  { host, port, reusePort }: { host: string; port: number; reusePort: boolean },
  { receiveBuffer, timeoutMs }: { receiveBuffer: number; timeoutMs: number },
): UdpSocket {
  const { socket, bind, getsockname, setsockopt, close } = system();
  const ipv6 = isIPv6(host);
  const address = socketAddress(host, port);
  const fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail('socket', `${host}:${port}`);
  try {
    const set = (level: number, name: number, value: Uint8Array): boolean =>
      setsockopt(fd, level, name, value, value.length) === 0;
    const need = (what: string, done: boolean): void => {
      if (!done) fail('setsockopt', `${what} ${host}:${port}`);
    };
    if (ipv6) need('IPV6_V6ONLY', set(IPPROTO_IPV6, IPV6_V6ONLY, int(1)));
    if (reusePort) need('SO_REUSEPORT', set(SOL_SOCKET, SO_REUSEPORT, int(1)));
    const wildcard = address.subarray(ipv6 ? 8 : 4, ipv6 ? 24 : 8).every((octet) => octet === 0);
    if (wildcard) {
      if (ipv6) need('IPV6_RECVPKTINFO', set(IPPROTO_IPV6, IPV6_RECVPKTINFO, int(1)));
      else need('IP_PKTINFO', set(IPPROTO_IP, IP_PKTINFO, int(1)));
    }
    const timeout = new Uint8Array(TIMEVAL);
    new BigInt64Array(timeout.buffer).set([BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000)]);
    need('SO_RCVTIMEO', set(SOL_SOCKET, SO_RCVTIMEO, timeout));
    // These may be refused without harm: the first takes a privilege, and the kernel may be old.
    if (!set(SOL_SOCKET, SO_RCVBUFFORCE, int(receiveBuffer))) set(SOL_SOCKET, SO_RCVBUF, int(receiveBuffer));
    if (ipv6) set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, int(PMTUDISC_OMIT));
    else set(IPPROTO_IP, IP_MTU_DISCOVER, int(PMTUDISC_OMIT));
    if (bind(fd, address, address.length) !== 0) fail('bind', `${host}:${port}`);
    const bound = new Uint8Array(SOCKADDR_IN6);
    if (getsockname(fd, bound, int(bound.length)) !== 0) fail('getsockname', `${host}:${port}`);
    return { fd, ipv6, wildcard, port: (bound[2]! << 8) | bound[3]! };
  } catch (error) {
    close(fd);
    throw error;
  }
}

export function closeUdp({ fd }: UdpSocket): void {
  system().close(fd);
}

/** struct sockaddr_in or sockaddr_in6. An IPv6 address may name its interface by number: `fe80::1%2`. */
function socketAddress(host: string, port: number): Uint8Array {
  if (!isIPv6(host)) {
    const parsed = parseAddress(host);
    if (parsed === undefined) throw new Error(`"${host}" is no address`);
    const out = new Uint8Array(SOCKADDR_IN);
    out.set([AF_INET, 0, port >>> 8, port & 255, ...parsed.bytes]);
    return out;
  }
  const [text, zone = '0'] = host.split('%');
  const out = new Uint8Array(SOCKADDR_IN6);
  out.set([AF_INET6, 0, port >>> 8, port & 255]);
  out.set(ipv6FromText(text!)!, 8);
  new DataView(out.buffer).setUint32(24, Number(zone), true);
  return out;
}

/** What a batch's slots are made of; strides keep slots from competing for the same lines of the cache. */
const LARGEST_DATAGRAM = 65_535;
const IN_STRIDE = LARGEST_DATAGRAM + 1 + 192;

/**
 * Memory for receiving up to `size` datagrams at once and sending as many, allocated once, and the calls on it. One
 * for each thread and family.
 */
export class Batch {
  readonly size: number;
  /** Received datagrams, each a view of its slot. */
  readonly messages: readonly Uint8Array[];
  /** Answers, each a view of its slot; it reaches into the next ones, so answers are written in the slots' order. */
  readonly answers: readonly Uint8Array[];
  /** Longest answer that leaves the next slot alone. */
  readonly longest: number;
  readonly #calls: Calls;
  readonly #ipv6: boolean;
  readonly #nameSize: number;
  readonly #controlSize: number;
  /** One block of native memory; pointers into it stay valid as long as this object lives. */
  readonly #pointer: unknown;
  readonly #in: Pointer;
  /** Address of each header of answers: sending may go on from any. */
  readonly #outs: readonly Pointer[];
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #inAt: number;
  readonly #outAt: number;
  readonly #iovAt: number;
  readonly #nameAt: number;
  readonly #controlAt: number;
  readonly #base: bigint;
  /** Answers put so far. */
  #put = 0;

  /**
   * @param longest octets of the longest answer
   * @param slack octets that an answer's buffer must have, though no answer is that long
   */
  constructor(size: number, ipv6: boolean, longest: number, slack: number) {
    this.size = size;
    this.longest = longest;
    this.#ipv6 = ipv6;
    this.#nameSize = ipv6 ? SOCKADDR_IN6 : SOCKADDR_IN;
    this.#controlSize = ipv6 ? CONTROL_IN6 : CONTROL_IN;
    this.#calls = system();
    const { koffi } = this.#calls;
    const outStride = (longest + 64 + 63) & ~63;
    let total = 0;
    const take = (octets: number): number => {
      const at = total;
      total += (octets + 63) & ~63;
      return at;
    };
    this.#inAt = take(size * MMSGHDR);
    this.#outAt = take(size * MMSGHDR);
    this.#iovAt = take(size * 2 * IOVEC);
    this.#nameAt = take(size * 32);
    this.#controlAt = take(size * 64);
    const messagesAt = take(size * IN_STRIDE);
    const answersAt = take(size * outStride + slack);
    this.#pointer = koffi.alloc('uint8_t', total);
    const memory = koffi.view(this.#pointer, total);
    this.#base = koffi.address(this.#pointer);
    this.#in = this.#base + BigInt(this.#inAt);
    this.#outs = Array.from({ length: size }, (_, i) => this.#base + BigInt(this.#outAt + i * MMSGHDR));
    this.#words = new Uint32Array(memory, 0, total >>> 2);
    this.#bytes = new Uint8Array(memory, 0, total);
    this.#words.fill(0, 0, messagesAt >>> 2);
    this.messages = Array.from(
      { length: size },
      (_, i) => new Uint8Array(memory, messagesAt + i * IN_STRIDE, LARGEST_DATAGRAM),
    );
    this.answers = Array.from({ length: size }, (_, i) => new Uint8Array(memory, answersAt + i * outStride, slack));
    for (let i = 0; i < size; i++) {
      this.#iovec(i, messagesAt + i * IN_STRIDE, LARGEST_DATAGRAM);
      this.#iovec(size + i, answersAt + i * outStride, 0);
      for (const header of [this.#inAt + i * MMSGHDR, this.#outAt + i * MMSGHDR]) {
        this.#address(header + NAME, this.#nameAt + i * 32);
        this.#words[(header + NAMELEN) >>> 2] = this.#nameSize;
        this.#words[(header + IOVLEN) >>> 2] = 1;
        this.#address(header + CONTROL, this.#controlAt + i * 64);
      }
      this.#address(this.#inAt + i * MMSGHDR + IOV, this.#iovAt + i * IOVEC);
      this.#address(this.#outAt + i * MMSGHDR + IOV, this.#iovAt + (size + i) * IOVEC);
    }
  }

  /** Writes a pointer to `to` at `at`, both as offsets into the block. */
  #address(at: number, to: number): void {
    const address = this.#base + BigInt(to);
    this.#words[at >>> 2] = Number(address & 0xffffffffn);
    this.#words[(at >>> 2) + 1] = Number(address >> 32n);
  }

  #iovec(index: number, to: number, length: number): void {
    const at = this.#iovAt + index * IOVEC;
    this.#address(at, to);
    this.#words[(at >>> 2) + 2] = length;
  }

  /**
   * Receives what there is, at least one datagram unless `wait` is false or the socket's timeout passes.
   * @returns how many; 0 for none within the time; below 0 the negative errno.
   */
  receive({ fd, wildcard }: UdpSocket, wait: boolean): number {
    const words = this.#words;
    // The kernel leaves here what it has written, so it is told anew what room there is.
    const room = wildcard ? this.#controlSize : 0;
    for (let i = 0, at = (this.#inAt + CONTROLLEN) >>> 2; i < this.size; i++, at += MMSGHDR >>> 2) words[at] = room;
    const count = this.#calls.recvmmsg(fd, this.#in, this.size, wait ? MSG_WAITFORONE : MSG_DONTWAIT, null);
    this.#put = 0;
    if (count >= 0) return count;
    const errno = this.#calls.koffi.errno();
    return errno === EAGAIN ? 0 : -errno;
  }

  /** Octets of datagram `i`. */
  length(i: number): number {
    return this.#words[(this.#inAt + i * MMSGHDR + MSG_LEN) >>> 2]!;
  }

  /** Port that datagram `i` came from. */
  port(i: number): number {
    const at = this.#nameAt + i * 32 + 2;
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  /** Word `w` of the address that datagram `i` came from: 0 for IPv4, 0 to 3 for IPv6. */
  word(i: number, w: number): number {
    const at = this.#nameAt + i * 32 + (this.#ipv6 ? 8 : 4) + w * 4;
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  /** The buffer for the next answer. */
  get next(): Uint8Array {
    return this.answers[this.#put]!;
  }

  /** Takes the first `length` octets of `next` as the answer to datagram `i`, at most `longest`. */
  put(i: number, length: number, wildcard: boolean): void {
    const words = this.#words;
    const j = this.#put++;
    const header = (this.#outAt + j * MMSGHDR) >>> 2;
    const from = (this.#inAt + i * MMSGHDR) >>> 2;
    // The answer goes to where the datagram came from: both headers point to the same name, and to the same control.
    words[header + (NAME >>> 2)] = words[from + (NAME >>> 2)]!;
    words[header + (NAME >>> 2) + 1] = words[from + (NAME >>> 2) + 1]!;
    if (wildcard) {
      words[header + (CONTROL >>> 2)] = words[from + (CONTROL >>> 2)]!;
      words[header + (CONTROL >>> 2) + 1] = words[from + (CONTROL >>> 2) + 1]!;
      words[header + (CONTROLLEN >>> 2)] = words[from + (CONTROLLEN >>> 2)]!;
      this.#anyInterface(this.#controlAt + i * 64);
    } else words[header + (CONTROLLEN >>> 2)] = 0;
    words[((this.#iovAt + (this.size + j) * IOVEC) >>> 2) + 2] = length;
  }

  /**
   * The answer's source is the address that was asked, but routing chooses the interface, except for link-local
   * addresses, which mean nothing without one. struct in_pktinfo begins with the interface, in6_pktinfo ends with it.
   */
  #anyInterface(control: number): void {
    if (!this.#ipv6) this.#words[(control + 16) >>> 2] = 0;
    else if (this.#bytes[control + 16] !== 0xfe) this.#words[(control + 32) >>> 2] = 0;
  }

  /**
   * Sends the answers that were put since the last `receive`. One that the kernel refuses does not hold up the rest.
   * @returns how many were not sent.
   */
  send({ fd }: UdpSocket): number {
    const { sendmmsg, koffi } = this.#calls;
    let refused = 0;
    let interrupted = 0;
    for (let sent = 0; sent < this.#put;) {
      const count = sendmmsg(fd, this.#outs[sent]!, this.#put - sent, 0);
      if (count > 0) sent += count;
      else if (koffi.errno() === EINTR && interrupted++ < MOST_INTERRUPTIONS) continue;
      else {
        // ENOBUFS, EPERM by a firewall, EMSGSIZE, a network that is gone: the first is lost, the next are tried.
        refused++;
        sent++;
      }
    }
    return refused;
  }

  /** Gives the memory back. Nothing of this object, views included, may be touched afterwards. */
  free(): void {
    this.#calls.koffi.free(this.#pointer);
  }
}

/** Waits for any of several sockets. */
export class Poll {
  readonly #calls = system();
  readonly #sockets: number;
  readonly #pointer: unknown;
  readonly #address: Pointer;
  readonly #words: Uint32Array;

  constructor(sockets: readonly UdpSocket[]) {
    const { koffi } = this.#calls;
    this.#sockets = sockets.length;
    this.#pointer = koffi.alloc('uint8_t', sockets.length * POLLFD);
    this.#address = koffi.address(this.#pointer);
    this.#words = new Uint32Array(koffi.view(this.#pointer, sockets.length * POLLFD));
    for (const [i, { fd }] of sockets.entries()) {
      this.#words[i * 2] = fd;
      this.#words[i * 2 + 1] = POLLIN;
    }
  }

  /** Waits until one is readable, or for so many milliseconds. Interruptions end it as well. */
  wait(timeoutMs: number): void {
    this.#calls.poll(this.#address, this.#sockets, timeoutMs);
  }

  /** Whether socket `i` was readable, or in error, when `wait` returned. */
  ready(i: number): boolean {
    return this.#words[i * 2 + 1]! >>> 16 !== 0;
  }

  /** Gives the memory back. Nothing of this object may be touched afterwards. */
  free(): void {
    this.#calls.koffi.free(this.#pointer);
  }
}
