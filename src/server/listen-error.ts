/** How an address was to be listened on. */
export type Transport = 'UDP' | 'TCP';

/** An address that could not be bound, and the system's reason; plain data, since it crosses threads. */
export interface ListenFailure {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  /** The system's name for the reason, as in `EADDRINUSE`; empty when it gave none. */
  readonly code: string;
  readonly message: string;
}

export class ListenError extends Error implements ListenFailure {
  readonly transport: Transport;
  readonly host: string;
  readonly port: number;
  readonly code: string;

  constructor({ transport, host, port, code, message }: ListenFailure) {
    super(message);
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.code = code;
  }

  /** For another thread, where an error keeps its message alone. */
  get failure(): ListenFailure {
    const { transport, host, port, code, message } = this;
    return { transport, host, port, code, message };
  }
}

/** System calls that bind an address. */
const BINDING = new Set(['socket', 'setsockopt', 'bind', 'listen', 'getsockname']);

/** Runs what binds an address. @throws ListenError in place of the system's error; other errors as they are */
export async function listening<T>(
  transport: Transport,
  { host, port }: { readonly host: string; readonly port: number },
  bind: () => T | Promise<T>,
): Promise<T> {
  try {
    return await bind();
  } catch (error) {
    const { code = '', syscall = '', message } = error as NodeJS.ErrnoException;
    if (!BINDING.has(syscall)) throw error;
    throw new ListenError({ transport, host, port, code, message });
  }
}

/** This machine has no such address, or not even its family: no other choice of port would help. */
export function isMissingAddress(error: unknown): error is ListenError {
  return error instanceof ListenError && ['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(error.code);
}
