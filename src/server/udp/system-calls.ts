import { isIPv6 } from 'node:net';
import { ipv6FromText, parseAddress } from '../../lib/address.ts';
import { fail, libc, system, type Calls, type Pointer } from '../../lib/libc.ts';

/**
 * The one place that calls the C library and knows how its structs lie in memory. A wrong offset here is a
 * segmentation fault or worse, so everything that takes a pointer takes memory that this module has allocated itself,
 * and never moves or frees while it is in use. Layouts and numbers are those of Linux on x86-64 and arm64, which are
 * the same: recvmmsg(2), sendmmsg(2), ip(7), ipv6(7), cmsg(3).
 */

const AF_UNIX = 1;
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
const MSG_NOSIGNAL = 0x4000;
const POLLIN = 1;
const MAX_INTERRUPTIONS = 100;

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
/**
 * Sends one datagram to a UNIX socket, which Node itself cannot.
 * @param path in the file system, or with a leading `@` an abstract name (unix(7))
 * @throws Error when it cannot be sent
 */
export function sendToUnixSocket(path: string, message: string): void {
  const { socket, sendto, close } = system();
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail('socket', path);
  try {
    const octets = Buffer.from(message);
    if (sendto(fd, octets, octets.length, MSG_NOSIGNAL, address, address.length) < 0) fail('sendto', path);
  } finally {
    close(fd);
  }
}

/** Why batched UDP is not to be had here; undefined when it is. */
export function whyNoBatches(): string | undefined {
  const calls = libc();
  return typeof calls === 'string' ? calls : undefined;
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

/** Where a socket is bound, and who else may bind there. */
export interface UdpPlace {
  readonly host: string;
  readonly port: number;
  /** More sockets of this user may be bound here, and the kernel spreads clients over all of them. */
  readonly reusePort: boolean;
  /**
   * This is the first of the sockets that share the address: binding it fails if any other socket is there. Without
   * this, another process of the same user would get a part of the queries, and no error would say so.
   */
  readonly first?: boolean;
}

/**
 * Opens and binds a blocking UDP socket whose reads give up after `timeoutMs`.
 * @param receiveBuffer octets; the kernel may grant less
 * @throws Error with the system's name for what is wrong as `code`
 */
export function openUdp(
  { host, port, reusePort, first = false }: UdpPlace,
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
    const share = (): void => need('SO_REUSEPORT', set(SOL_SOCKET, SO_REUSEPORT, int(1)));
    if (reusePort && !first) share();
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
    // Set after bind(2), the option lets later sockets in, and bind(2) has kept out all that were there before.
    if (reusePort && first) share();
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

const LARGEST_DATAGRAM = 65_535;

/**
 * Memory for receiving up to `size` datagrams at once and sending answers from the same places, allocated once, and
 * the calls on it. One for each thread and family.
 */
export class Batch {
  readonly size: number;
  /** Each datagram, and then its answer: views of the slots. */
  readonly messages: readonly Uint8Array[];
  readonly #calls: Calls;
  readonly #ipv6: boolean;
  readonly #controlSize: number;
  /** One block of native memory; pointers into it stay valid until `free`. */
  readonly #pointer: unknown;
  /** Address of each header. */
  readonly #headers: readonly Pointer[];
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #headerAt: number;
  readonly #iovAt: number;
  readonly #nameAt: number;
  readonly #controlAt: number;
  readonly #base: bigint;

  /** @param room octets of a slot, at least those of the largest datagram */
  constructor(size: number, ipv6: boolean, room: number) {
    this.size = size;
    this.#ipv6 = ipv6;
    this.#controlSize = ipv6 ? CONTROL_IN6 : CONTROL_IN;
    this.#calls = system();
    const { koffi } = this.#calls;
    // Slots do not begin at the same lines of the cache, nor share one.
    const stride = ((Math.max(room, LARGEST_DATAGRAM) + 63) & ~63) + 192;
    let total = 0;
    const take = (octets: number): number => {
      const at = total;
      total += (octets + 63) & ~63;
      return at;
    };
    this.#headerAt = take(size * MMSGHDR);
    this.#iovAt = take(size * IOVEC);
    this.#nameAt = take(size * 32);
    this.#controlAt = take(size * 64);
    const messagesAt = take(size * stride);
    this.#pointer = koffi.alloc('uint8_t', total);
    const memory = koffi.view(this.#pointer, total);
    this.#base = koffi.address(this.#pointer);
    this.#words = new Uint32Array(memory, 0, total >>> 2);
    this.#bytes = new Uint8Array(memory, 0, total);
    this.#words.fill(0, 0, messagesAt >>> 2);
    this.#headers = Array.from({ length: size }, (_, i) => this.#base + BigInt(this.#headerAt + i * MMSGHDR));
    this.messages = Array.from({ length: size }, (_, i) => new Uint8Array(memory, messagesAt + i * stride, room));
    for (let i = 0; i < size; i++) {
      const header = this.#headerAt + i * MMSGHDR;
      this.#address(header + NAME, this.#nameAt + i * 32);
      this.#words[(header + NAMELEN) >>> 2] = ipv6 ? SOCKADDR_IN6 : SOCKADDR_IN;
      this.#address(header + IOV, this.#iovAt + i * IOVEC);
      this.#words[(header + IOVLEN) >>> 2] = 1;
      this.#address(header + CONTROL, this.#controlAt + i * 64);
      this.#address(this.#iovAt + i * IOVEC, messagesAt + i * stride);
      this.#words[((this.#iovAt + i * IOVEC) >>> 2) + 2] = LARGEST_DATAGRAM;
    }
  }

  /** Writes a pointer to `to` at `at`, both as offsets into the block. */
  #address(at: number, to: number): void {
    const address = this.#base + BigInt(to);
    this.#words[at >>> 2] = Number(address & 0xffffffffn);
    this.#words[(at >>> 2) + 1] = Number(address >> 32n);
  }

  /**
   * Receives what there is, at least one datagram unless `wait` is false or the socket's timeout passes.
   * @returns how many; 0 for none within the time; below 0 the negative errno.
   */
  receive({ fd, wildcard }: UdpSocket, wait: boolean): number {
    if (wildcard) {
      // The kernel leaves here what it has written, so it is told anew what room there is.
      const words = this.#words;
      for (let i = 0, at = (this.#headerAt + CONTROLLEN) >>> 2; i < this.size; i++, at += MMSGHDR >>> 2)
        words[at] = this.#controlSize;
    }
    const flags = wait ? MSG_WAITFORONE : MSG_DONTWAIT;
    const count = this.#calls.recvmmsg(fd, this.#headers[0]!, this.size, flags, null);
    if (count >= 0) return count;
    const errno = this.#calls.koffi.errno();
    return errno === EAGAIN ? 0 : -errno;
  }

  /** Octets of datagram `i`. */
  length(i: number): number {
    return this.#words[(this.#headerAt + i * MMSGHDR + MSG_LEN) >>> 2]!;
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

  /**
   * Makes the first `length` octets of message `i` the answer, which goes to where the datagram came from; on a
   * wildcard, from the address that it was sent to.
   */
  answer(i: number, length: number, wildcard: boolean): void {
    this.#words[((this.#iovAt + i * IOVEC) >>> 2) + 2] = length;
    if (!wildcard) return;
    // Routing chooses the interface, except for link-local addresses, which mean nothing without one. struct
    // in_pktinfo begins with the interface, in6_pktinfo ends with it.
    const control = this.#controlAt + i * 64;
    if (!this.#ipv6) this.#words[(control + 16) >>> 2] = 0;
    else if (this.#bytes[control + 16] !== 0xfe) this.#words[(control + 32) >>> 2] = 0;
  }

  /**
   * Sends the answers from `from` up to `to`, and makes their slots ready for receiving. One that the kernel refuses
   * does not hold up the rest.
   * @returns how many were not sent.
   */
  send({ fd }: UdpSocket, from: number, to: number): number {
    const { sendmmsg, koffi } = this.#calls;
    let refused = 0;
    let interrupted = 0;
    for (let sent = from; sent < to;) {
      const count = sendmmsg(fd, this.#headers[sent]!, to - sent, 0);
      if (count > 0) sent += count;
      else if (koffi.errno() === EINTR && interrupted++ < MAX_INTERRUPTIONS) continue;
      else {
        // ENOBUFS, EPERM by a firewall, EMSGSIZE, a network that is gone: the first is lost, the next are tried.
        refused++;
        sent++;
      }
    }
    for (let i = from, at = (this.#iovAt >>> 2) + 2 + i * (IOVEC >>> 2); i < to; i++, at += IOVEC >>> 2)
      this.#words[at] = LARGEST_DATAGRAM;
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
