import { z } from 'zod';
import type { OperatorEnvelope } from '../base/control.js';
import { err, ok, type Result } from '../base/result.js';

/** Characters of a name; DNS allows 253 for a host name and our own names are shorter. */
const NAME_CHARACTERS_MAX = 253;

/** Characters of what a person says; it is kept in the history and shown in one line. */
const SENTENCE_CHARACTERS_MAX = 500;

/** A file name, two numbers and a GTID. */
const POSITION_CHARACTERS_MAX = 320;

/** DRBD's own tools give a handler 600 s. */
const WAIT_MS_MAX = 600_000;

/** Text that ends up in logs and on terminals: no control characters, something in it. */
const text = (charactersMax: number): z.ZodString =>
  z
    .string()
    .max(charactersMax)
    .regex(/^[^\p{Cc}]*$/u, 'contains a control character')
    .regex(/\S/, 'is empty');

const name = text(NAME_CHARACTERS_MAX);
const sentence = text(SENTENCE_CHARACTERS_MAX);

/** What stays until it is lifted travels in every heartbeat, also over a slow serial line. */
const OWNER_CHARACTERS_MAX = 64;
const HOLD_REASON_CHARACTERS_MAX = 120;
/** Who needs it for longer sets no end. */
const HOLD_MS_MAX = 366 * 86_400_000;

const owner = text(OWNER_CHARACTERS_MAX);
const holdWish = {
  by: owner,
  reason: text(HOLD_REASON_CHARACTERS_MAX).nullable(),
  forMs: z.int().min(1_000).max(HOLD_MS_MAX).nullable(),
};

const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('move'), group: name, to: name.nullable() }),
  z.strictObject({
    kind: z.literal('standby'),
    node: name.nullable(),
    scope: z.enum(['all', 'foreign', 'local']).optional(),
    by: holdWish.by.optional(),
    reason: holdWish.reason.optional(),
    forMs: holdWish.forMs.optional(),
  }),
  z.strictObject({ kind: z.literal('online'), node: name.nullable(), by: owner.optional() }),
  z.strictObject({ kind: z.literal('cleanup'), group: name }),
  z.strictObject({ kind: z.literal('restart'), group: name, by: owner }),
  z.strictObject({ kind: z.literal('disable'), group: name, ...holdWish }),
  z.strictObject({ kind: z.literal('enable'), group: name, by: owner }),
  z.strictObject({ kind: z.literal('freeze'), group: name, ...holdWish }),
  z.strictObject({ kind: z.literal('unfreeze'), group: name, by: owner }),
  z.strictObject({ kind: z.literal('maintenance'), ...holdWish }),
  z.strictObject({ kind: z.literal('endMaintenance'), by: owner }),
  z.strictObject({ kind: z.literal('reload') }),
  z.strictObject({
    kind: z.literal('databasePosition'),
    resource: name,
    current: z.string().regex(/^[0-9a-f]{1,16}$/, 'is no generation identifier'),
    position: z.string().max(POSITION_CHARACTERS_MAX).regex(/^\S+$/, 'is no position'),
  }),
  z.strictObject({
    kind: z.literal('fencePeer'),
    resource: name,
    peer: name.nullable(),
    waitMs: z.int().min(0).max(WAIT_MS_MAX),
  }),
  z.strictObject({
    kind: z.literal('discard'),
    resource: name,
    node: name,
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{12}$/, 'is no fingerprint')
      .nullable(),
    by: sentence,
    reason: sentence,
  }),
  z.strictObject({
    kind: z.literal('fence'),
    node: name,
    by: owner,
    reason: sentence.nullable(),
    sure: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('forceOldData'),
    group: name,
    node: name,
    by: owner,
    reason: sentence.nullable(),
    loses: name.nullable(),
  }),
  z.strictObject({ kind: z.literal('fenceTest'), node: name.nullable(), by: owner }),
  z.strictObject({ kind: z.literal('fenceConfirm'), node: name, by: sentence, reason: sentence }),
]);

const envelopeSchema: z.ZodType<OperatorEnvelope> = z.strictObject({
  request: requestSchema,
  dryRun: z.boolean(),
});

/** Reads the body of a request. The error names the first field that is wrong. */
export function parseEnvelope(body: string): Result<OperatorEnvelope, string> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return err('The body is not JSON');
  }
  const parsed = envelopeSchema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  const place = issue === undefined ? '' : issue.path.join('.');
  return err(`${place === '' ? 'The body' : `Field "${place}"`}: ${issue?.message ?? 'not valid'}`);
}
