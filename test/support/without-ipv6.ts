import koffi from 'koffi';

/**
 * Loaded by `node --import` before a program: its kernel then refuses IPv6 sockets, as one that was booted with
 * `ipv6.disable=1` does. A seccomp filter (seccomp(2)) makes socket(AF_INET6) fail with EAFNOSUPPORT, in all threads.
 */
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const SYS_SECCOMP = process.arch === 'arm64' ? 277 : 317;
const SYS_SOCKET = process.arch === 'arm64' ? 198 : 41;
const AF_INET6 = 10;
const EAFNOSUPPORT = 97;

const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
/** Offsets in struct seccomp_data. */
const CALL = 0;
const FIRST_ARGUMENT = 16;

const program: readonly (readonly [code: number, jumpTrue: number, jumpFalse: number, k: number])[] = [
  [LOAD_WORD, 0, 0, CALL],
  [JUMP_IF_EQUAL, 0, 3, SYS_SOCKET],
  [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
  [JUMP_IF_EQUAL, 0, 1, AF_INET6],
  [RETURN, 0, 0, ERRNO | EAFNOSUPPORT],
  [RETURN, 0, 0, ALLOW],
];
const INSTRUCTION = 8;
const pointer: unknown = koffi.alloc('uint8_t', program.length * INSTRUCTION);
const filter = new DataView(koffi.view(pointer, program.length * INSTRUCTION));
for (const [index, [code, jumpTrue, jumpFalse, k]] of program.entries()) {
  filter.setUint16(index * INSTRUCTION, code, true);
  filter.setUint8(index * INSTRUCTION + 2, jumpTrue);
  filter.setUint8(index * INSTRUCTION + 3, jumpFalse);
  filter.setUint32(index * INSTRUCTION + 4, k, true);
}
const fprog = new DataView(new ArrayBuffer(16));
fprog.setUint16(0, program.length, true);
fprog.setBigUint64(8, koffi.address(pointer), true);

const libc = koffi.load(null);
const prctl = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
const syscall = libc.func('long syscall(long, unsigned long, unsigned long, const uint8_t *)');
if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw new Error('prctl(PR_SET_NO_NEW_PRIVS) failed');
const done = syscall(
  SYS_SECCOMP,
  SECCOMP_SET_MODE_FILTER,
  SECCOMP_FILTER_FLAG_TSYNC,
  new Uint8Array(fprog.buffer),
) as number;
if (done !== 0) throw new Error(`seccomp failed: errno ${koffi.errno()}`);
