import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { stripVTControlCharacters, styleText } from 'node:util';
import { pino } from 'pino';

/**
 * The log of the daemon: one sentence a line, and fields beside it for machines.
 *
 *     terminal   03:12:09.481 WARN  Node n2 is late  node=n2 silentMs=812
 *     pipe       {"level":"warn","time":"2026-01-31T03:12:09.481Z","node":"n2","silentMs":812,"msg":...}
 *
 * Lines are written at once and in order, so that the last words before a power cut or a crash are
 * there. A reader that went away (journald restarted) costs lines, never the daemon.
 */
export interface Log {
  debug(sentence: string, fields?: LogFields): void;
  info(sentence: string, fields?: LogFields): void;
  warn(sentence: string, fields?: LogFields): void;
  error(sentence: string, fields?: LogFields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, unknown>>;

/** Where lines go; each call gets one whole line with its line feed. */
export interface LogStream {
  readonly isTTY?: boolean;
  write(line: string): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Standard error when left out. */
  readonly stream?: LogStream;
  /** Wall clock in milliseconds since 1970; the machine's when left out. */
  readonly nowMs?: () => number;
}

/** Fields whose values never reach the log, at any depth; compared without regard to case. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['key', 'password', 'passwd', 'secret']);
const REDACTED = '[redacted]';

/** Nesting that is logged; ours is three, and the bound also ends cycles. */
const FIELD_DEPTH_MAX = 6;

/** Elements of a list that are logged; longer ones are a dump, not a log line. */
const FIELD_LIST_MAX = 64;

/** Names that the line itself uses; a field of that name gets an underscore. */
const RESERVED_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'msg']);

/** Opens the log. Never throws later: a line that cannot be written is counted and told. */
export function createLog(options: LogOptions): Log {
  const stream = options.stream ?? descriptorStream(2);
  const nowMs = options.nowMs ?? Date.now;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(nowMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream.isTTY === true ? terminalStream(stream) : { write: (line) => stream.write(line) },
  );
  const at =
    (level: LogLevel) =>
    (sentence: string, fields: LogFields = {}): void => {
      if (logger.isLevelEnabled(level)) logger[level](loggable(fields), '%s', sentence);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * Writes to a file descriptor synchronously. A full pipe that does not block (EAGAIN) or one whose
 * reader is gone (EPIPE) loses the line; the next line that gets through is preceded by the count.
 */
export function descriptorStream(fd: number): LogStream {
  let lost = 0;
  let torn = false;
  const put = (text: string): boolean => {
    let rest: Buffer = Buffer.from(torn ? `\n${text}` : text, 'utf8');
    try {
      while (rest.length > 0) {
        rest = rest.subarray(writeSync(fd, rest));
        torn = rest.length > 0;
      }
      return true;
    } catch {
      return false;
    }
  };
  return {
    isTTY: isatty(fd),
    write(line) {
      if (lost > 0 && put(lostLine(lost))) lost = 0;
      if (lost > 0 || !put(line)) lost += 1;
    },
  };
}

function lostLine(lost: number): string {
  const msg = `The log lost ${lost} ${lost === 1 ? 'line' : 'lines'}: nobody read it`;
  return `${JSON.stringify({ level: 'warn', lost, msg })}\n`;
}

function loggable(fields: LogFields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    result[RESERVED_FIELDS.has(name) ? `${name}_` : name] = redacted(name, value, 1);
  }
  return result;
}

function redacted(name: string, value: unknown, depth: number): unknown {
  if (SECRET_FIELDS.has(name.toLowerCase())) return REDACTED;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= FIELD_DEPTH_MAX) return '[too deep]';
  if (Array.isArray(value)) {
    return value.slice(0, FIELD_LIST_MAX).map((item) => redacted('', item, depth + 1));
  }
  const entries = value instanceof Error ? errorEntries(value) : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, redacted(key, item, depth + 1)]));
}

/** An error's own fields are not enumerable; what helps is its message, code, stack and cause. */
function errorEntries(error: Error): [string, unknown][] {
  return [
    ['type', error.name],
    ['message', error.message],
    ...Object.entries(error),
    ['stack', error.stack],
    ...(error.cause === undefined ? [] : [['cause', error.cause] as [string, unknown]]),
  ];
}

const LEVEL_COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

/** Turns the JSON line into one that a person reads: time, level, sentence, the rest. */
function terminalStream(stream: LogStream): LogStream {
  return { write: (line) => stream.write(terminalLine(line)) };
}

function terminalLine(line: string): string {
  const parsed = JSON.parse(line) as Record<string, unknown>;
  const { level, time, msg, ...fields } = parsed;
  const name = String(level) as LogLevel;
  const clock = localClock(new Date(String(time)));
  const label = coloured(name, name.toUpperCase().padEnd(5));
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  const tail = rest.length === 0 ? '' : `  ${rest.join(' ')}`;
  return `${clock} ${label} ${printable(String(msg))}${printable(tail)}\n`;
}

function coloured(level: LogLevel, label: string): string {
  if ((process.env['NO_COLOR'] ?? '') !== '') return label;
  return styleText(LEVEL_COLOURS[level], label, { validateStream: false });
}

function localClock(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const hms = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${hms}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}

/** What a peer or a program said must not steer the operator's terminal. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}/gu, ' ');
}
