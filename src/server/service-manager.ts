import type { Log } from '../observe/log.ts';
import { sendToUnixSocket } from './udp/system-calls.ts';

/**
 * Tells systemd what this process does (sd_notify(3)), when it was started as a unit of `Type=notify`. Does nothing
 * otherwise.
 */
export function notifyServiceManager(state: 'READY=1' | 'STOPPING=1', log: Log, env = process.env): void {
  const socket = env['NOTIFY_SOCKET'] ?? '';
  if (socket === '') return;
  try {
    sendToUnixSocket(socket, state);
  } catch (error) {
    log.warn('systemd cannot be notified: use `Type=exec` in the unit', { error });
  }
}
