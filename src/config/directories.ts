import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where things are kept that can be made again. */
export function cacheDirectory(env: Environment): string {
  return directory(env['XDG_CACHE_HOME'], '.cache', '/var/cache');
}

/** Where things are kept that a restart needs. */
export function stateDirectory(env: Environment): string {
  return directory(env['XDG_STATE_HOME'], join('.local', 'state'), '/var/lib');
}

/** A relative base is ignored (XDG Base Directory Specification); so is a relative home. */
function directory(base: string | undefined, below: string, withoutHome: string): string {
  if (base?.startsWith('/') === true) return join(base, 'edgeward');
  const home = homeDirectory();
  return join(home === undefined ? withoutHome : join(home, below), 'edgeward');
}

/** Undefined: this user has none, as in containers whose user is a number without an entry in /etc/passwd. */
function homeDirectory(): string | undefined {
  try {
    const home = homedir();
    return home.startsWith('/') ? home : undefined;
  } catch {
    return undefined;
  }
}
