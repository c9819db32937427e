import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';

// Loaded when it is wanted: where it is missing, everything else still works.
const require = createRequire(import.meta.url);

export type Pointer = bigint;

interface Koffi {
  load(path: string | null): { func(definition: string): (...args: unknown[]) => number };
  alloc(type: string, length: number): unknown;
  address(pointer: unknown): Pointer;
  view(pointer: unknown, length: number): ArrayBuffer;
  free(pointer: unknown): void;
  errno(): number;
}

export interface Calls {
  readonly koffi: Koffi;
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly recvmmsg: (fd: number, headers: Pointer, count: number, flags: number, timeout: null) => number;
  readonly sendmmsg: (fd: number, headers: Pointer, count: number, flags: number) => number;
  readonly poll: (fds: Pointer, count: number, timeoutMs: number) => number;
  readonly close: (fd: number) => number;
  readonly sendto: (
    fd: number,
    message: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ) => number;
  /** glibc alone has these two. */
  readonly mallocTrim: ((keep: number) => number) | undefined;
  readonly mallopt: ((parameter: number, value: number) => number) | undefined;
}

let found: Calls | string | undefined;

/** The C library, or why it cannot be called. */
export function libc(): Calls | string {
  return (found ??= load());
}

function load(): Calls | string {
  if (process.platform !== 'linux') return `batched system calls are for Linux, not ${process.platform}`;
  if (!['x64', 'arm64'].includes(process.arch) || endianness() !== 'LE')
    return `batched system calls are for x64 and arm64, not ${process.arch}`;
  try {
    const koffi = require('koffi') as Koffi;
    const library = koffi.load(null);
    // `bind` and the like are looked up in the process itself, which is linked with its C library whichever it is.
    return {
      koffi,
      socket: library.func('int socket(int, int, int)'),
      bind: library.func('int bind(int, const uint8_t *, uint32_t)'),
      getsockname: library.func('int getsockname(int, _Inout_ uint8_t *, _Inout_ uint8_t *)'),
      setsockopt: library.func('int setsockopt(int, int, int, const uint8_t *, uint32_t)'),
      recvmmsg: library.func('int recvmmsg(int, void *, uint32_t, int, void *)'),
      sendmmsg: library.func('int sendmmsg(int, void *, uint32_t, int)'),
      poll: library.func('int poll(void *, unsigned long, int)'),
      close: library.func('int close(int)'),
      sendto: library.func('long sendto(int, const uint8_t *, size_t, int, const uint8_t *, uint32_t)'),
      mallocTrim: optional(() => library.func('int malloc_trim(size_t)')),
      mallopt: optional(() => library.func('int mallopt(int, int)')),
    };
  } catch (error) {
    return `koffi cannot be used: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
}

function optional<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/** The C library. @throws Error when it cannot be called */
export function system(): Calls {
  const calls = libc();
  if (typeof calls === 'string') throw new Error(calls);
  return calls;
}

/** Throws what the last call has failed with. */
export function fail(call: string, what: string): never {
  const name = getSystemErrorName(-system().koffi.errno());
  throw Object.assign(new Error(`${call} ${name} ${what}`), { code: name, syscall: call });
}
