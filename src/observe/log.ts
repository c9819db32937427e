import { pino, type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** What happens, for operators: one line each, on stderr. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** `text` for people, `json` for collectors. */
  readonly format: 'text' | 'json';
}

/**
 * A log on stderr. Writing is synchronous, so that the last line before an exit is not lost; the answering threads
 * log nothing.
 */
export function createLog({ level, format }: LogOptions, write: (line: string) => void = writeStderr): Log {
  const stream = { write: format === 'json' ? write : (line: string) => write(`${formatLine(line)}\n`) };
  const logger: Logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}

function writeStderr(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // Nobody reads; there is nowhere to say so.
  }
}

/** `TIME LEVEL message key=value`, from a line of JSON. */
function formatLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  return `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${rest.join('')}`;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[^\s"=]+$/u.test(text) ? text : JSON.stringify(text);
}
