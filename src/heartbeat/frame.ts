/**
 * A frame is a list of named fields in the order in which they travel. The order matters to the
 * signature only. It is a list and not an object keyed by name: names come from the network, and
 * `__proto__` must be a name like any other.
 *
 * Format: Linux-HA Heartbeat 3.0.6, cluster-glue lib/clplumbing/cl_msg.c and cl_netstring.c.
 */

/** Largest frame that is read or written: the largest UDP payload over IPv4. */
export const MAX_FRAME_BYTES = 65_507;

/** What our own datagrams should stay below, to cross an Ethernet (1,500 bytes) in one piece. */
export const UNFRAGMENTED_FRAME_BYTES = 1_400;

/** Most fields in a frame: Heartbeat sends 14, a report adds three lists of up to 256 entries. */
export const MAX_FIELDS = 1_024;

/** Longest field name in bytes: a prefix of ours and the name of a group or DRBD resource. */
export const MAX_NAME_BYTES = 128;

/** The field that carries the inner signature. It belongs to the codec, never to a frame. */
export const AUTH_FIELD = 'auth';

/** A field of type 0 whose value is proper UTF-8: nearly every field. */
export interface TextField {
  readonly name: string;
  readonly type: 0;
  readonly value: string;
}

/**
 * A field that is kept as bytes. Type 1 is binary by definition. Types 2 (nested message),
 * 3 (list), 4 and 5 (compressed) are only ever received and stay as they came. Type 0 is text that
 * turned out not to be UTF-8.
 */
export interface BytesField {
  readonly name: string;
  readonly type: 0 | 1 | 2 | 3 | 4 | 5;
  readonly value: Uint8Array;
}

/** One field of a frame. */
export type Field = TextField | BytesField;

/** Fields in wire order. A name may occur more than once: all are kept, the first one counts. */
export type Frame = readonly Field[];

/** Makes a text field. */
export function textField(name: string, value: string): TextField {
  return { name, type: 0, value };
}

/** Makes a binary field (type 1), such as a node's 16-byte UUID. */
export function bytesField(name: string, value: Uint8Array): BytesField {
  return { name, type: 1, value };
}

/** Makes a frame of text fields only. */
export function textFrame(fields: Iterable<readonly [name: string, value: string]>): Frame {
  return Array.from(fields, ([name, value]) => textField(name, value));
}

/** The first field of that name. */
export function findField(frame: Frame, name: string): Field | undefined {
  return frame.find((field) => field.name === name);
}

/** The text of the first field of that name; undefined when it is absent or not text. */
export function fieldText(frame: Frame, name: string): string | undefined {
  const field = findField(frame, name);
  return typeof field?.value === 'string' ? field.value : undefined;
}

/** All text by name, first one wins. Fields that are not text are left out. */
export function textFields(frame: Frame): ReadonlyMap<string, string> {
  const seen = new Set<string>();
  const texts = new Map<string, string>();
  for (const { name, value } of frame) {
    if (!seen.has(name) && typeof value === 'string') texts.set(name, value);
    seen.add(name);
  }
  return texts;
}

/** The bytes of the first field of that name; undefined when it is absent or not of type 1. */
export function fieldBytes(frame: Frame, name: string): Uint8Array | undefined {
  const field = findField(frame, name);
  return field?.type === 1 ? field.value : undefined;
}

/**
 * Printable ASCII without the space and without `( ) < = >`, which are the punctuation of the two
 * framings. So a name means the same in both, and no field can look like `>>>` or `<<<`.
 */
const NAME = /^[!-'*-;?-~]+$/;

/** Whether a name can travel in both framings. */
export function isFieldName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES && NAME.test(name);
}

/** Reads the digit of a `(T)` prefix. */
export function fieldTypeOf(digit: string): Field['type'] | undefined {
  switch (digit) {
    case '0':
      return 0;
    case '1':
      return 1;
    case '2':
      return 2;
    case '3':
      return 3;
    case '4':
      return 4;
    case '5':
      return 5;
    default:
      return undefined;
  }
}
