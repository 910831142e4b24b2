/**
 * What a node's daemon had saved before it ended, as sentences: the little that is known for sure
 * while it does not run (src/daemon/state-file.ts writes it).
 */
import { z } from 'zod';

const SCHEMA = z.object({
  generation: z.number(),
  orders: z.array(z.object({ key: z.string(), value: z.string(), origin: z.string() })),
  behind: z.record(z.string(), z.string()).default({}),
  ahead: z.array(z.string()).default([]),
});

/** An empty register. */
const NONE = '-';

/** The sentences of a state file. A text that is none gives the one sentence that says so. */
export function savedSentences(text: string, path: string): readonly string[] {
  const parsed = SCHEMA.safeParse(jsonOf(text));
  if (!parsed.success) return [`${path} is damaged: it is no saved state of tandemd`];
  const { orders, behind, ahead } = parsed.data;
  const found = [
    ...Object.entries(behind).map(
      ([resource, node]) =>
        `the copy of DRBD resource ${resource} here lacks writes that ${node} has: it is not used ` +
        'until DRBD has been connected',
    ),
    ...ahead.map(
      (resource) =>
        `this node wrote DRBD resource ${resource} alone: no other node has all of it, so start ` +
        'this one first',
    ),
    ...orders.flatMap(({ key, value, origin }) => {
      const [what = '', ...rest] = key.split('.');
      if (value === NONE || (what === 'mode' && value === 'online')) return [];
      const about = rest.join('.');
      return what === 'mode'
        ? [`${about} was put into ${value.split(';', 1)[0] ?? ''} by an order given on ${origin}`]
        : [`${about} was ordered to ${value} on ${origin}`];
    }),
  ];
  return found.length > 0 ? found : ['nothing was in the way when it ended: no order, no old copy'];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
