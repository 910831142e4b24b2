/**
 * What an edited configuration means for a daemon that runs, field by field. The table is total: a
 * field that is added to `Config` and not decided here does not compile. What groups may change
 * depends on how they are, so the decision core says it (src/failover/reload.ts).
 */
import type { Keyring } from '../heartbeat/keyring.js';
import type { Config } from './config.js';

/** The verdict on one field. */
interface Verdict {
  /** Taken at a reload, in a few words; null when nothing is to be said. */
  readonly change: string | null;
  /** Not taken at a reload: why, and what to do. */
  readonly objection: string | null;
}

/** What a reload would change beside groups and timing, and what speaks against it. */
export interface ConfigChanges {
  readonly changes: readonly string[];
  readonly objections: readonly string[];
  /** The links have to be closed and opened again. */
  readonly reopensLinks: boolean;
}

const NOTHING: Verdict = { change: null, objection: null };
const RESTART =
  'is taken by a restart only: tandem maintenance on, restart tandemd on every node, ' +
  'tandem maintenance off';

function fixed(what: string): (before: unknown, after: unknown) => Verdict {
  return (before, after) =>
    same(before, after) ? NOTHING : { change: null, objection: `a change of ${what} ${RESTART}` };
}

/** The core says it, or it is told by what it leads to. */
const elsewhere = (): Verdict => NOTHING;

const HEARTBEAT: {
  readonly [Field in keyof Config['heartbeat']]: (
    before: Config['heartbeat'][Field],
    after: Config['heartbeat'][Field],
  ) => Verdict;
} = {
  keepaliveMs: elsewhere,
  warntimeMs: elsewhere,
  deadtimeMs: elsewhere,
  initdeadMs: elsewhere,
  ping: elsewhere,
  deadpingMs: elsewhere,
  udpPort: fixed('the UDP port'),
  links: (before, after) =>
    same(before, after)
      ? NOTHING
      : { change: 'the links are closed and opened again', objection: null },
};

const FIELDS: {
  readonly [Field in keyof Config]: (before: Config[Field], after: Config[Field]) => Verdict;
} = {
  source: fixed('the format of the configuration'),
  files: elsewhere,
  cluster: fixed('the name of the cluster'),
  nodes: fixed('the nodes'),
  self: fixed('the name of this node'),
  heartbeat: elsewhere,
  keyring: keyringVerdict,
  watchdog: fixed('the watchdog'),
  fencing: elsewhere,
  groups: elsewhere,
  digest: elsewhere,
  warnings: elsewhere,
};

/** Keys are rolled in steps, so that the nodes understand each other after each of them. */
function keyringVerdict(before: Keyring, after: Keyring): Verdict {
  if (same(before, after)) return NOTHING;
  const accepts = ({ accepted }: Keyring, key: Keyring['signing']): boolean =>
    accepted.some((entry) => same(entry, key));
  const why =
    'authkeys is taken in steps: first every node accepts the old and the new key and is ' +
    'reloaded, then the new one signs on every node, then the old one goes';
  if (!accepts(after, before.signing)) {
    return { change: null, objection: `the others still sign with a key that is gone: ${why}` };
  }
  if (!accepts(before, after.signing)) {
    return { change: null, objection: `the others do not accept the new key yet: ${why}` };
  }
  return { change: 'the keys are others', objection: null };
}

/** Compares two valid configurations of one node. */
export function compareConfigs(before: Config, after: Config): ConfigChanges {
  const verdicts = [
    ...Object.keys(FIELDS).map((field) => verdictOn(FIELDS, field, before, after)),
    ...Object.keys(HEARTBEAT).map((field) =>
      verdictOn(HEARTBEAT, field, before.heartbeat, after.heartbeat),
    ),
  ];
  const known = (word: keyof Verdict): readonly string[] =>
    verdicts.map((verdict) => verdict[word]).filter((text) => text !== null);
  const reopensLinks =
    !same(before.heartbeat.links, after.heartbeat.links) || !same(before.keyring, after.keyring);
  return { changes: known('change'), objections: known('objection'), reopensLinks };
}

type Table = Readonly<Record<string, (before: never, after: never) => Verdict>>;

function verdictOn(table: Table, field: string, before: object, after: object): Verdict {
  const read = (from: object): never => Reflect.get(from, field) as never;
  return table[field]?.(read(before), read(after)) ?? NOTHING;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
