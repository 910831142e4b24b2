import { parseDuration } from '../base/duration.js';
import { err, ok, type Result } from '../base/result.js';

/**
 * The values of Heartbeat's files. Each reader takes one word and returns the value, or the words
 * "what was expected". Heartbeat 3.0.6: cl_get_msec and cl_str_to_boolean of cluster-glue.
 */

/** Beyond a day a timer says nothing about liveness, and Node's timers end at 24.8 days. */
const TIME_MS_MAX = 86_400_000;

const TIME_EXPECTED = 'a time such as 2, 1.5, 500ms, 200000us, 30s or 2m (no unit means seconds)';

/**
 * Reads a time as whole milliseconds: no unit means seconds; `ms`, `us` and the longer words
 * that begin so as in Heartbeat; `s` and `m` are Tandem's addition (Heartbeat refuses them).
 */
export function parseHeartbeatTime(text: string): Result<number, string> {
  const match = /^(\d{1,12}\.?\d{0,12}|\.\d{1,12})([a-z]{0,12})$/.exec(text);
  const unitMs = match === null ? undefined : unitOf(match[2] ?? '');
  if (match === null || unitMs === undefined) return err(TIME_EXPECTED);
  return withinOneDay(Math.floor(Number(match[1]) * unitMs + 0.5));
}

/** A time of cluster.yaml, with its unit: half a millisecond to a day. */
export function parseTime(text: string): Result<number, string> {
  const result = parseDuration(text);
  if (!result.ok) return result;
  return result.value > 0 ? withinOneDay(result.value) : err('a time of 0.5 ms or more');
}

/** Refuses a time beyond the longest that Tandem waits for anything. */
export function withinOneDay(ms: number): Result<number, string> {
  return ms > TIME_MS_MAX ? err('a time of at most one day') : ok(ms);
}

function unitOf(unit: string): number | undefined {
  if (unit === '' || unit === 's') return 1_000;
  if (unit === 'm') return 60_000;
  if (unit.startsWith('ms')) return 1;
  if (unit.startsWith('us')) return 0.001;
  return undefined;
}

const TRUE_WORDS: readonly string[] = ['true', 'on', 'yes', 'y', '1'];
const FALSE_WORDS: readonly string[] = ['false', 'off', 'no', 'n', '0'];

/** Reads on/off, yes/no, true/false, y/n, 1/0 in any case. */
export function parseBoolean(text: string): Result<boolean, string> {
  const word = text.toLowerCase();
  if (TRUE_WORDS.includes(word)) return ok(true);
  return FALSE_WORDS.includes(word) ? ok(false) : err('on or off');
}

/** Reads the name of a cluster. */
export function parseClusterName(text: string): Result<string, string> {
  const valid = /^[\w.-]{1,100}$/.test(text);
  return valid ? ok(text) : err('a name of letters, digits, ".", "-" and "_"');
}

/** Reads the path of the device that resets this machine. */
export function parseWatchdog(text: string): Result<string, string> {
  const expected = 'the path of a watchdog device, such as /dev/watchdog';
  return isAbsolutePath(text) ? ok(text) : err(expected);
}

/** Limit of Heartbeat (HOSTLENG 100), kept so that its frames can carry the name. */
const NODE_NAME_LENGTH_MAX = 100;

/** What isNodeName accepts, in words. */
export const NODE_NAME_EXPECTED = 'a node name as "uname -n" prints it, such as db1 or db1.example';

/**
 * True for a name `uname -n` could print; compared in lower case. "constructor" is refused because
 * nodes are keys of plain objects, where that word already means something.
 */
export function isNodeName(text: string): boolean {
  if (text.length > NODE_NAME_LENGTH_MAX || text.toLowerCase() === 'constructor') return false;
  return /^[a-z0-9][a-z0-9_.-]*$/i.test(text);
}

/** What isInterfaceName accepts, in words. */
export const INTERFACE_EXPECTED = 'the name of a network interface, such as eth1';

/** True for a name the kernel allows (dev_valid_name: at most 15 characters, no slash). */
export function isInterfaceName(text: string): boolean {
  return /^[^\s/:]{1,15}$/.test(text) && !text.startsWith('-') && text !== '.' && text !== '..';
}

/** True for an absolute path without blanks. */
export function isAbsolutePath(text: string): boolean {
  return text.startsWith('/') && !/[\s\0]/.test(text);
}
