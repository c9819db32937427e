/** Why a file or directory could not be read, for people; the system's name for it is kept. */
export function readFailure(error: unknown): { readonly message: string; readonly remedy: string } {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = REASONS[code ?? ''];
  if (known === undefined) return { message: `cannot be read: ${message}`, remedy: 'check the path' };
  return { message: `cannot be read: ${known.reason} (${code})`, remedy: known.remedy };
}

/** The same in a few words, for a place inside another sentence. */
export function readReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? '']?.reason ?? message;
}

const ALLOW = 'let the user of this process read it, and search the directories above it';

const REASONS: Readonly<Record<string, { readonly reason: string; readonly remedy: string }>> = {
  ENOENT: { reason: 'there is no such file or directory', remedy: 'check the path' },
  ENOTDIR: { reason: 'a part of the path is a file', remedy: 'check the path' },
  EISDIR: { reason: 'it is a directory', remedy: 'name a file in it' },
  EACCES: { reason: 'permission denied', remedy: ALLOW },
  EPERM: { reason: 'the system forbids it', remedy: ALLOW },
  ELOOP: { reason: 'symbolic links lead round in a circle', remedy: 'check the links' },
  EIO: { reason: 'the disk has an error', remedy: 'check the disk' },
  EMFILE: { reason: 'too many files are open', remedy: 'raise the limit with `ulimit -n` or LimitNOFILE' },
};
