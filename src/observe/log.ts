import { writeSync } from 'node:fs';
import { problemLines, type Problem } from '../lib/problem.ts';
import { pino, stdSerializers, type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What belongs to a message, for people and for filters; an exception goes under `error`. */
export type LogFields = Readonly<Record<string, unknown>> & {
  // These are the line's own.
  readonly time?: never;
  readonly level?: never;
  readonly msg?: never;
};

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
      serializers: { error: stdSerializers.err },
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

/** One line for each problem, and one for all that are like those before. */
export function logProblems(log: Log, problems: readonly Problem[]): void {
  for (const { severity, text } of problemLines(problems)) {
    if (severity === 'error') log.error(text);
    else log.warn(text);
  }
}

const STDERR = 2;

/** A reader that takes nothing for so long is as good as gone: what is served matters more than the log. */
const PATIENCE_MS = 200;
const PAUSE_MS = 2;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Not by `process.stderr`: that would end the process when its reader is gone, and a log must never do so. */
function writeStderr(line: string): void {
  let rest: Uint8Array = Buffer.from(line);
  for (let waited = 0; rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(STDERR, rest));
    } catch (error) {
      // A full pipe is waited for a little; for a closed one there is nowhere to say so.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= PATIENCE_MS) return;
      Atomics.wait(pause, 0, 0, PAUSE_MS);
      waited += PAUSE_MS;
    }
  }
}

/** `TIME LEVEL message key=value`, from a line of JSON. */
function formatLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${formatValue(value)}`);
  return `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${escapeControls(String(msg))}${rest.join('')}`;
}

function formatValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (errorMessage(value) ?? JSON.stringify(value));
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : escapeControls(JSON.stringify(text));
}

/** Of an exception as pino writes it: its stack is for the JSON form. */
function errorMessage(value: unknown): string | undefined {
  const isError = typeof value === 'object' && value !== null && 'stack' in value && 'message' in value;
  return isError ? String(value.message) : undefined;
}

/** Names and contents of files are in messages: they must not end a line, nor move a terminal's cursor. */
function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
