/**
 * Finds classic frames in the byte stream of a serial line. It works line by line:
 *
 *     hunting --- a line with `>>>` at its start or end ---> in a frame
 *     in a frame --- `<<<` ---> frame found, hunting
 *                --- a line with `>>>` at its start ---> the old frame was cut, a new one begins
 *                --- more than the limit ---> dropped, hunting
 *
 * Only the position is judged here; whether a frame is whole, its signature says. The `>>>` line
 * itself is not signed, so noise on it is put right and costs no frame. Carriage returns are
 * dropped, as the tty settings of Heartbeat do (IGNCR).
 *
 * Every byte but the carriage returns is part of a frame, skipped, or pending.
 */
import { byteStringOf, bytesOf, type ByteString } from './byte-string.js';
import { CLASSIC_END, CLASSIC_START } from './classic.js';

/** Longest frame on a serial line: 8.5 s of a line at 19,200 baud; later it is old news. */
export const MAX_SERIAL_FRAME_BYTES = 16_384;

/** What the deframer remembers between reads. Plain data. */
export interface DeframerState {
  readonly limitBytes: number;
  /** The whole lines of the current frame; empty while hunting. */
  readonly frame: ByteString;
  /** The line that has no end yet. */
  readonly line: ByteString;
}

/** What a read yielded. */
export interface Deframed {
  readonly state: DeframerState;
  /** Candidates in order, each from `>>>\n` to `<<<\n`; not verified. */
  readonly frames: readonly Uint8Array[];
  /** Bytes that belong to no frame: noise, and frames that were cut or too long. */
  readonly skippedBytes: number;
  /** Frames dropped because they exceeded the limit. */
  readonly oversizedFrames: number;
}

/** A deframer that has read nothing. */
export function createDeframer(limitBytes = MAX_SERIAL_FRAME_BYTES): DeframerState {
  return { limitBytes, frame: '', line: '' };
}

const START = CLASSIC_START.slice(0, -1);

/** The working memory of one push. */
interface Work {
  readonly limitBytes: number;
  readonly frames: Uint8Array[];
  frame: ByteString;
  line: ByteString;
  skippedBytes: number;
  oversizedFrames: number;
}

/** Feeds bytes as they came, split anywhere. Memory is bounded by the limit and the bytes fed. */
export function push(state: DeframerState, bytes: Uint8Array): Deframed {
  const work: Work = { ...state, frames: [], skippedBytes: 0, oversizedFrames: 0 };
  const text = byteStringOf(bytes).replaceAll('\r', '');
  let position = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', position)) {
    const line = work.line + text.slice(position, end);
    work.line = '';
    takeLine(work, line);
    position = end + 1;
  }
  work.line += text.slice(position);
  if (work.frame.length + work.line.length > work.limitBytes) dropPending(work);
  const { limitBytes, frame, line, frames, skippedBytes, oversizedFrames } = work;
  return { state: { limitBytes, frame, line }, frames, skippedBytes, oversizedFrames };
}

/** Takes a whole line, without its newline. */
function takeLine(work: Work, line: ByteString): void {
  const hunting = work.frame === '';
  if (line.startsWith(START) || (hunting && line.endsWith(START))) {
    work.skippedBytes += work.frame.length + line.length - START.length;
    work.frame = CLASSIC_START;
    return;
  }
  const text = `${line}\n`;
  if (hunting) {
    work.skippedBytes += text.length;
    return;
  }
  work.frame += text;
  if (work.frame.length > work.limitBytes) {
    work.oversizedFrames += 1;
    work.skippedBytes += work.frame.length;
    work.frame = '';
  } else if (text === CLASSIC_END) {
    work.frames.push(bytesOf(work.frame));
    work.frame = '';
  }
}

/** Gives up a line without an end, but for the last bytes, which may begin `>>>`. */
function dropPending(work: Work): void {
  const kept = work.line.slice(-START.length);
  if (work.frame !== '') work.oversizedFrames += 1;
  work.skippedBytes += work.frame.length + work.line.length - kept.length;
  work.frame = '';
  work.line = kept;
}
