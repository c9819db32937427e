import { spawnSync } from 'node:child_process';

const ROOTLESS = ['unshare', '--user', '--map-root-user', '--net'] as const;

/**
 * Whether a process may have a network of its own here, in which every port is free and ports below 1024 are ours.
 * Containers often forbid it.
 */
export const hasNamespaces =
  process.platform === 'linux' &&
  spawnSync(ROOTLESS[0], [...ROOTLESS.slice(1), 'ip', 'link', 'set', 'lo', 'up']).status === 0;

/** A command before a program, which then runs in a network of its own, as its root. */
export function ownNetwork(setup = 'true'): string[] {
  return [...ROOTLESS, 'sh', '-c', `ip link set lo up && { ${setup}; } && exec "$@"`, 'sh'];
}

/** A command before a program, which then runs in the network of the process `pid`. */
export function networkOf(pid: number): string[] {
  return ['nsenter', '--target', String(pid), '--user', '--preserve-credentials', '--net'];
}
