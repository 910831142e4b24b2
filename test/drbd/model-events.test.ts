import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { factsFromProc, type DrbdFacts } from '../../src/drbd/facts.js';
import type { DrbdModel, DrbdResource } from '../../src/drbd/model.js';
import { EMPTY_FOLD, foldEvents2, modelFromFold } from '../../src/drbd/model-events.js';
import { factsFromModel } from '../../src/drbd/model-facts.js';
import { parseProcDrbd } from '../../src/drbd/proc.js';
import { samplesIn } from './samples.js';

const FOLDER = join(process.cwd(), 'fixtures', 'events2');
const PROC = join(process.cwd(), 'fixtures', 'proc-drbd');

const linesOf = (text: string): readonly string[] => text.split('\n').slice(0, -1);
const folded = (text: string): DrbdModel => modelFromFold(foldEvents2(EMPTY_FOLD, linesOf(text)));

/** What decisions rest on: the states, without amounts, which the 8.4 stream tells late. */
function states(facts: DrbdFacts): unknown {
  const { resource, role, peerRole, connection, disk, ioSuspended } = facts;
  const volumes = facts.volumes.map(({ volume, minor, disk: own, peerDisk, connection: link }) => ({
    volume,
    minor,
    own,
    peerDisk,
    link,
  }));
  return { resource, role, peerRole, connection, disk, ioSuspended, volumes };
}

const byName = (a: DrbdResource, b: DrbdResource): number => (a.name < b.name ? -1 : 1);

function statesOf(model: DrbdModel): unknown {
  return [...model.resources].sort(byName).map((resource) => states(factsFromModel(resource)));
}

interface Recorded {
  readonly state: string;
  /** Null: the driver answered no question then. */
  readonly now: string | null;
  readonly stream: string;
  readonly proc: string;
}

/** The states of one node in the order in which they were recorded, which their names begin with. */
function recordedOf(node: string): readonly Recorded[] {
  const names = readdirSync(FOLDER);
  const mine = readdirSync(PROC).filter((name) => /^8\.4\.11-\d\d-/.test(name) && name.endsWith(`-${node}.txt`));
  return mine.sort().map((file) => {
    const name = file.slice(0, -'.txt'.length);
    const read = (entry: string): string | null =>
      names.includes(entry) ? readFileSync(join(FOLDER, entry), 'utf8') : null;
    return {
      state: name.slice('8.4.11-'.length),
      now: read(`${name}.now.txt`),
      stream: read(`${name}.stream.txt`) ?? '',
      proc: readFileSync(join(PROC, file), 'utf8'),
    };
  });
}

t.test('events2: stream, snapshot and /proc/drbd agree in every recorded state (8.4.11)', (t) => {
  for (const node of ['n1', 'n2']) {
    const recorded = recordedOf(node);
    t.ok(recorded.length >= 25, `${node} has its states`);
    let fold = EMPTY_FOLD;
    for (const { state, now, stream, proc } of recorded) {
      fold = foldEvents2(fold, linesOf(stream));
      const snapshot = now === null ? modelFromFold(fold) : folded(now);
      t.same(fold.problems, [], `${state} ${node}: everything in the stream is understood`);
      t.same(snapshot.problems, [], `${state} ${node}: everything in the snapshot is understood`);
      t.strictSame(statesOf(modelFromFold(fold)), statesOf(snapshot), `${state} ${node}: stream`);
      const map = snapshot.resources.flatMap(({ name, volumes }) =>
        volumes.map(({ volume, minor }) => ({ resource: name, volume, minor: minor ?? -1 })),
      );
      const facts = factsFromProc({ kind: 'read', proc: parseProcDrbd(proc) }, map)
        .filter((entry) => entry.state === 'configured')
        .sort((a, b) => (a.resource < b.resource ? -1 : 1));
      const shown = snapshot.resources.filter(({ name }) =>
        facts.some(({ resource }) => resource === name),
      );
      t.strictSame(
        facts.map(states),
        statesOf({ ...snapshot, resources: shown }),
        `${state} ${node}: /proc/drbd`,
      );
    }
  }
  t.end();
});

t.test('events2: drbd-utils own samples are understood', (t) => {
  const texts = [...samplesIn('userland')].filter(([name]) => name.includes('events2'));
  for (const [name, text] of texts) {
    const streams = text.split(/^\$ .*\n/m).filter((stream) => stream.includes('name:'));
    for (const stream of streams) {
      // The samples stand for what varies: TIME, and ^[ for the escape of --color.
      const shown = stream.replace(/^TIME/gm, '2026-11-21T07:30:11.125159+00:00');
      const lines = linesOf(shown.replaceAll('^[', '\u001b')).filter((line) => !/^\d+$/.test(line));
      t.same(foldEvents2(EMPTY_FOLD, lines).problems, [], name);
    }
  }
  t.end();
});

// --- a stream and the snapshot of its end --------------------------------------------------------

/** A resource as a generator of lines: object key -> its values as printed. */
type Objects = Map<string, Map<string, string>>;

interface Change {
  readonly object: 'resource' | 'device' | 'connection' | 'peer-device' | 'path';
  readonly name: string;
  readonly peer: number;
  readonly volume: number;
  readonly destroy: boolean;
  readonly keys: readonly string[];
  readonly pick: number;
}

const STATE: Readonly<Record<Change['object'], Readonly<Record<string, readonly string[]>>>> = {
  resource: { role: ['Primary', 'Secondary'], suspended: ['no', 'user', 'user,fencing'] },
  device: {
    minor: ['0', '1', '1048575'],
    disk: ['UpToDate', 'Inconsistent', 'Diskless', 'Strange'],
    size: ['0', '49112', '18446744073709551615'],
    'al-suspended': ['no', 'yes'],
  },
  connection: { connection: ['Connected', 'Connecting', 'StandAlone'], role: ['Primary', 'Unknown'] },
  'peer-device': {
    replication: ['Established', 'SyncSource', 'VerifyT', 'Off'],
    'peer-disk': ['UpToDate', 'DUnknown'],
    'out-of-sync': ['0', '4096'],
    'resync-suspended': ['no', 'user,peer'],
  },
  path: { established: ['yes', 'no'] },
};

function identityOf(change: Change): string {
  const { object, name, peer, volume } = change;
  const link = ` peer-node-id:${peer} conn-name:peer-${peer}`;
  const where: Readonly<Record<Change['object'], string>> = {
    resource: '',
    device: ` volume:${volume}`,
    connection: link,
    'peer-device': `${link} volume:${volume}`,
    path: `${link} local:ipv4:10.0.0.1:7789 peer:ipv6:[fe80::${peer}]:7789`,
  };
  return `${object} name:${name}${where[object]}`;
}

/** The identities that must exist before, outermost first. */
function parentsOf(change: Change): readonly string[] {
  const at = (object: Change['object']): string => identityOf({ ...change, object });
  if (change.object === 'resource') return [];
  if (change.object === 'device' || change.object === 'connection') return [at('resource')];
  return [at('resource'), at('connection')];
}

function isInside(inner: string, outer: string): boolean {
  if (inner === outer) return false;
  const [, ...words] = outer.split(' ');
  const inside = new Set(inner.split(' '));
  const deeper = outer.startsWith('resource') || !inner.startsWith('device');
  return deeper && !outer.startsWith('device') && words.every((word) => inside.has(word));
}

/** Plays changes: the lines a stream would print, and what exists at the end. */
function played(changes: readonly Change[]): { readonly lines: string[]; readonly end: Objects } {
  const lines = ['exists -'];
  const end: Objects = new Map();
  const put = (verb: string, identity: string, values: Map<string, string>): void => {
    const shown = [...values].map(([key, value]) => ` ${key}:${value}`).join('');
    lines.push(`${verb} ${identity}${shown}`);
    end.set(identity, new Map([...(end.get(identity) ?? []), ...values]));
  };
  for (const change of changes) {
    const identity = identityOf(change);
    if (change.destroy) {
      const gone = [...end.keys()].filter((key) => key === identity || isInside(key, identity));
      for (const key of gone.reverse()) {
        lines.push(`destroy ${key}`);
        end.delete(key);
      }
      continue;
    }
    for (const parent of parentsOf(change)) {
      if (!end.has(parent)) put('create', parent, new Map());
    }
    const table = STATE[change.object];
    const keys = Object.keys(table).filter((key) => change.keys.includes(key));
    const values = keys.map((key): [string, string] => {
      const words = table[key] ?? [];
      return [key, words[change.pick % words.length] ?? ''];
    });
    put(end.has(identity) ? 'change' : 'create', identity, new Map(values));
  }
  return { lines, end };
}

const RANK = ['resource', 'connection', 'device', 'peer-device', 'path'];

function snapshotOf(end: Objects): string[] {
  const rank = (identity: string): number => RANK.indexOf(identity.split(' ')[0] ?? '');
  const entries = [...end].sort(([a], [b]) => rank(a) - rank(b));
  return [
    ...entries.map(([identity, values]) => {
      const shown = [...values].map(([key, value]) => ` ${key}:${value}`).join('');
      return `exists ${identity}${shown}`;
    }),
    'exists -',
  ];
}

const changeArbitrary: fc.Arbitrary<Change> = fc.record({
  object: fc.constantFrom('resource', 'device', 'connection', 'peer-device', 'path'),
  name: fc.constantFrom('r0', 'r1', '__proto__'),
  peer: fc.nat(2),
  volume: fc.nat(2),
  destroy: fc.boolean(),
  keys: fc.subarray(Object.values(STATE).flatMap((table) => Object.keys(table))),
  pick: fc.nat(5),
});

/** In an order of its own: a stream keeps the order of creation, a dump that of the kernel. */
function sorted(model: DrbdModel): unknown {
  return [...model.resources].sort(byName).map((resource) => ({
    ...resource,
    connections: [...resource.connections].sort(
      (a, b) => (a.peerNodeId ?? -1) - (b.peerNodeId ?? -1),
    ),
  }));
}

t.test('events2: a stream folds to the same as the snapshot of its end', (t) => {
  fc.assert(
    fc.property(fc.array(changeArbitrary, { maxLength: 40 }), fc.nat(40), (changes, cut) => {
      const { lines, end } = played(changes);
      const half = foldEvents2(EMPTY_FOLD, lines.slice(0, cut));
      const whole = foldEvents2(half, lines.slice(cut));
      t.strictSame(whole.resources, foldEvents2(EMPTY_FOLD, lines).resources, 'in two parts');
      const snapshot = modelFromFold(foldEvents2(EMPTY_FOLD, snapshotOf(end)));
      t.strictSame(sorted(modelFromFold(whole)), sorted(snapshot));
      t.ok(whole.complete && whole.problems.every(({ message }) => /unknown state/.test(message)));
      return t.passing();
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('events2: no text makes it throw, and nothing is dropped silently', (t) => {
  const words = fc.constantFrom(
    ...['exists', 'change', 'create', 'destroy', 'rename', 'call', '-', 'resource', 'device'],
    ...['peer-device', 'connection', 'path', 'helper', 'name:r0', 'volume:1', 'volume:x'],
    ...['role:Primary', 'new_name:r1', 'peer-node-id:1', 'skipped', ':', '__proto__:x', 'a:b:c'],
  );
  const line = fc.oneof(fc.array(words, { maxLength: 8 }).map((list) => list.join(' ')), fc.string());
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
      const fold = foldEvents2(EMPTY_FOLD, lines);
      modelFromFold(fold).resources.map(factsFromModel);
      return fold.problems.every((problem) => problem.line >= 1 && problem.column >= 1);
    }),
    { numRuns: 3000 },
  );
  t.end();
});

t.test('events2: what is not understood is kept and told with line and column', (t) => {
  const lines = [
    'exists resource name:r0 role:Emperor suspended:no',
    'exists device name:r0 volume:0 minor:0 disk:UpToDate size:lots colour:blue',
    'nonsense',
    'exists device name:r9 volume:0',
    'exists -',
  ];
  const fold = foldEvents2(EMPTY_FOLD, lines);
  t.same(fold.problems, [
    { line: 1, column: 25, message: 'unknown state: "Emperor"' },
    { line: 2, column: 54, message: 'not a number: "lots"' },
    { line: 3, column: 1, message: 'not an event: "nonsense"' },
    { line: 4, column: 15, message: 'device of a resource that was not announced' },
  ]);
  const [r0] = modelFromFold(fold).resources;
  t.match(r0, {
    role: { known: false, word: 'Emperor' },
    volumes: [{ sizeKiB: null, extra: { colour: 'blue' } }],
  });
  const many = foldEvents2(EMPTY_FOLD, Array<string>(250).fill('?'));
  t.equal(many.problems.length, 100);
  t.equal(many.problemsOmitted, 150);
  t.end();
});

t.test('events2: a second dump replaces the picture; lost messages and helpers are told', (t) => {
  const first = foldEvents2(EMPTY_FOLD, ['exists resource name:r0 role:Primary']);
  t.notOk(first.complete);
  t.equal(first.resources.size, 0, 'a dump counts when it is complete');
  t.equal(modelFromFold(first).resources.length, 1, 'a text that breaks off shows what it has');
  const second = foldEvents2(first, ['exists -', 'exists resource name:r1 role:Primary']);
  t.same([...second.resources.keys()], ['r0']);
  const third = foldEvents2(second, ['exists -', '- skipped 3']);
  t.same([...third.resources.keys()], ['r1']);
  t.ok(third.lost);
  const kept = foldEvents2(third, ['change resource name:r2 role:Primary']);
  t.equal(kept.resources.get('r1'), third.resources.get('r1'), 'what did not change is the same');
  const renamed = foldEvents2(third, ['rename resource name:r1 new_name:r2']);
  t.match([...renamed.resources], [['r2', { name: 'r2' }]]);
  const called = foldEvents2(third, [
    'call helper name:r1 peer-node-id:0 conn-name:peer helper:fence-peer',
    '2026-11-21T07:30:11.125159+00:00 response helper name:r1 volume:1 helper:split-brain status:4',
    ...Array<string>(49).fill('call helper name:r1 helper:x'),
  ]);
  t.equal(called.helpers.length, 50, 'bounded');
  t.match(called.helpers[0], {
    kind: 'response',
    timestamp: '2026-11-21T07:30:11.125159+00:00',
    resource: 'r1',
    volume: 1,
    helper: 'split-brain',
    status: 4,
  });
  t.end();
});

t.test('events2: progress lasts as long as something runs', (t) => {
  const peer = 'peer-device name:r0 peer-node-id:1 conn-name:n2 volume:0';
  const start = foldEvents2(EMPTY_FOLD, [
    'exists resource name:r0 role:Primary',
    'exists device name:r0 volume:0 minor:0 disk:UpToDate',
    'exists connection name:r0 peer-node-id:1 conn-name:n2 connection:Connected role:Secondary',
    `exists ${peer} replication:SyncSource peer-disk:Inconsistent done:37.50`,
    'exists -',
    `change ${peer} out-of-sync:2500 dbdt1:0.25 eta:10`,
  ]);
  const progressOf = (fold: typeof start): unknown =>
    fold.resources.get('r0')?.connections[0]?.volumes[0]?.progress;
  t.match(progressOf(start), {
    kind: 'resync',
    donePercent: 37.5,
    rateKiBps: 256,
    finishSeconds: 10,
  });
  t.match(factsFromModel(modelFromFold(start).resources[0]!), {
    connection: 'SyncSource',
    volumes: [{ outOfSyncBytes: 2500 * 1024, syncedPercent: 37.5, finishSeconds: 10 }],
  });
  t.match(progressOf(foldEvents2(start, [`change ${peer} eta:987654321`])), { finishSeconds: null });
  const verify = foldEvents2(start, [`change ${peer} replication:VerifyS done:1.00`]);
  t.match(progressOf(verify), { kind: 'verify', donePercent: 1, rateKiBps: null });
  t.equal(progressOf(foldEvents2(start, [`change ${peer} replication:Established`])), null);
  t.end();
});

t.test('events2: several peers give the facts of the one that needs most attention', (t) => {
  const connection = (id: number, words: string): string =>
    `exists connection name:r0 peer-node-id:${id} conn-name:n${id} ${words}`;
  const peer = (id: number, words: string): string =>
    `exists peer-device name:r0 peer-node-id:${id} conn-name:n${id} volume:0 ${words}`;
  const fold = foldEvents2(EMPTY_FOLD, [
    'exists resource name:r0 role:Secondary suspended:quorum',
    'exists device name:r0 volume:0 minor:7 disk:UpToDate',
    connection(1, 'connection:Connected role:Primary'),
    connection(2, 'connection:Connecting role:Unknown'),
    peer(1, 'replication:Established peer-disk:UpToDate out-of-sync:0'),
    peer(2, 'replication:Off peer-disk:DUnknown out-of-sync:8'),
    'exists -',
  ]);
  t.match(factsFromModel(modelFromFold(fold).resources[0]!), {
    role: 'Secondary',
    peerRole: 'Primary',
    connection: 'WFConnection',
    ioSuspended: true,
    volumes: [{ minor: 7, peerDisk: 'DUnknown', outOfSyncBytes: 8192 }],
  });
  t.end();
});
