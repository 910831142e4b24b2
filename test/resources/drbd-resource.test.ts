import t from 'tap';
import { DRBD } from '../../src/resources/drbd-resource.js';
import type {
  DrbdView,
  DrbdVolumeView,
  ExecStep,
  Plan,
  PlanContext,
  Reading,
  ResourceAction,
} from '../../src/resources/plan.js';
import type { DrbdSpec } from '../../src/resources/spec.js';
import { commandsOf, contextOf, viewOf } from './context.js';

const SPEC: DrbdSpec = { kind: 'drbd', id: 'drbd:r0', resource: 'r0' };
const PROC: Reading = { kind: 'text', text: 'version: 8.4.11 (api:1/proto:86-101)\n' };
const DIRECT = { 'drbdsetup-84': '/lib/drbd/drbdsetup-84', drbdadm: '/sbin/drbdadm' };

function volume(overrides: Partial<DrbdVolumeView> = {}): DrbdVolumeView {
  return { minor: 0, role: 'Secondary', connection: 'Connected', disk: 'UpToDate', ...overrides };
}

function withView(view: DrbdView | null, overrides: Partial<PlanContext> = {}): PlanContext {
  return contextOf({ drbd: () => view, programs: DIRECT, ...overrides });
}

function planFor(action: ResourceAction, context: PlanContext): Plan {
  return DRBD.plan(SPEC, action, DRBD.interpret(SPEC, { proc: PROC }, context), context);
}

t.test('drbd: facts from roles', (t) => {
  const rows: readonly [readonly DrbdVolumeView[], string, string][] = [
    [[volume()], 'stopped', 'r0 is Secondary (UpToDate, Connected)'],
    [[volume({ role: 'Primary' })], 'started', 'r0 is Primary (UpToDate, Connected)'],
    [
      [volume({ role: 'Primary' }), volume({ minor: 1, role: 'Primary', disk: 'Diskless' })],
      'started',
      'r0 is Primary (UpToDate, Connected; Diskless, Connected)',
    ],
    [
      [volume({ role: 'Primary' }), volume({ minor: 1 })],
      'partial',
      'r0 is Primary on 1 of 2 volumes',
    ],
    [
      [volume({ role: null, connection: null, disk: null })],
      'stopped',
      'r0 is not up: the driver does not know it',
    ],
    [[volume({ role: 'Unknown', minor: 7 })], 'unknown', 'r0 has role "Unknown" on minor 7'],
  ];
  for (const [volumes, state, reason] of rows) {
    const facts = DRBD.interpret(SPEC, { proc: PROC }, withView(viewOf({ volumes })));
    t.same([facts.state, facts.reason], [state, reason]);
  }
  t.end();
});

t.test('drbd: what cannot be read is unknown, never stopped (S3)', (t) => {
  const unreadable: Reading = { kind: 'unreadable', reason: 'EACCES' };
  const context = withView(viewOf());
  t.match(DRBD.interpret(SPEC, { proc: unreadable }, context), {
    state: 'unknown',
    reason: 'Cannot read /proc/drbd: EACCES',
  });
  t.match(DRBD.interpret(SPEC, {}, context), {
    state: 'unknown',
    reason: 'Cannot read /proc/drbd',
  });
  t.match(DRBD.interpret(SPEC, { proc: PROC }, withView(null)), {
    state: 'unknown',
    reason: 'The DRBD configuration has no resource "r0"',
  });
  t.equal(planFor('stop', withView(null)).kind, 'refused');
  t.end();
});

t.test('drbd: the driver is not loaded: the view is asked with no text', (t) => {
  const asked: (string | null)[] = [];
  const view = viewOf({ volumes: [volume({ role: null, connection: null, disk: null })] });
  const context = contextOf({
    drbd: (_, text) => {
      asked.push(text);
      return view;
    },
  });
  const facts = DRBD.interpret(SPEC, { proc: { kind: 'absent' } }, context);
  t.same(asked, [null]);
  t.equal(facts.state, 'stopped');
  t.end();
});

t.test('drbd: without the driver nothing is Primary (a view without volumes, no view)', (t) => {
  for (const view of [null, viewOf({ volumes: [] })]) {
    const context = withView(view);
    const facts = DRBD.interpret(SPEC, { proc: { kind: 'absent' } }, context);
    t.match(facts, {
      state: 'stopped',
      reason: 'The DRBD module is not loaded, so r0 is not Primary',
    });
    t.same(DRBD.plan(SPEC, 'stop', facts, context), { kind: 'steps', steps: [] });
  }
  const facts = DRBD.interpret(SPEC, { proc: { kind: 'absent' } }, withView(null));
  t.equal(DRBD.plan(SPEC, 'start', facts, withView(null)).kind, 'refused');
  t.end();
});

t.test('drbd: promotion of one volume is one program start', (t) => {
  t.same(commandsOf(planFor('start', withView(viewOf()))), ['/lib/drbd/drbdsetup-84 primary 0']);
  t.end();
});

t.test('drbd: a dead peer that still looks connected is cut off first', (t) => {
  const rows: readonly [string, boolean, readonly string[]][] = [
    ['Connected', false, ['/lib/drbd/drbdsetup-84 primary 0']],
    ['WFConnection', true, ['/lib/drbd/drbdsetup-84 primary 0']],
    ['NetworkFailure', true, ['/lib/drbd/drbdsetup-84 primary 0']],
    ['StandAlone', true, ['/lib/drbd/drbdsetup-84 primary 0']],
    ...['Connected', 'SyncSource', 'VerifyS', 'Ahead'].map(
      (connection): [string, boolean, readonly string[]] => [
        connection,
        true,
        [
          '/lib/drbd/drbdsetup-84 disconnect ipv4:10.9.1.1:7788 ipv4:10.9.1.2:7788 --force',
          '/lib/drbd/drbdsetup-84 primary 0',
          '/sbin/drbdadm connect r0 (deferred)',
        ],
      ],
    ),
  ];
  for (const [connection, peerConfirmedDown, commands] of rows) {
    const view = viewOf({ volumes: [volume({ connection })] });
    const plan = planFor('start', withView(view, { peerConfirmedDown }));
    t.same(commandsOf(plan), commands, `${connection}, peer down: ${String(peerConfirmedDown)}`);
  }
  const back = withView(viewOf({ hasJustConnected: true }), { peerConfirmedDown: true });
  t.same(commandsOf(planFor('start', back)), ['/lib/drbd/drbdsetup-84 primary 0'], 'one that has just connected is not dead');
  const old = viewOf({ hasJustConnected: true, volumes: [volume({ disk: 'Consistent' })] });
  const forced = withView(old, { peerConfirmedDown: true, forced: true });
  t.same(commandsOf(planFor('start', forced)), ['/lib/drbd/drbdsetup-84 primary 0'], 'nor is anything forced beside it');
  t.end();
});

t.test('drbd: without known addresses, or with DRBD 9, drbdadm cuts the connection', (t) => {
  const unknown = withView(viewOf({ addresses: null }), { peerConfirmedDown: true });
  t.same(commandsOf(planFor('start', unknown)), [
    '/sbin/drbdadm disconnect --force r0',
    '/lib/drbd/drbdsetup-84 primary 0',
    '/sbin/drbdadm connect r0 (deferred)',
  ]);
  const nine = withView(viewOf({ interface: '9' }), { peerConfirmedDown: true });
  t.same(commandsOf(planFor('start', nine)), [
    '/sbin/drbdadm disconnect --force r0',
    'drbdsetup primary r0',
    '/sbin/drbdadm connect r0 (deferred)',
  ]);
  t.end();
});

t.test('drbd: a failed cut slows the promotion, it does not prevent it', (t) => {
  const plan = planFor('start', withView(viewOf(), { peerConfirmedDown: true }));
  const exits = plan.kind === 'steps' ? plan.steps.map((step) => (step as ExecStep).okExits) : [];
  t.same(exits, ['any', [0], [0]]);
  t.end();
});

t.test('drbd: every volume is promoted, each once; one that is Primary is left alone', (t) => {
  const volumes = [volume({ role: 'Primary' }), volume({ minor: 1 }), volume({ minor: 12 })];
  t.same(commandsOf(planFor('start', withView(viewOf({ volumes })))), [
    '/lib/drbd/drbdsetup-84 primary 1',
    '/lib/drbd/drbdsetup-84 primary 12',
  ]);
  t.same(commandsOf(planFor('stop', withView(viewOf({ volumes })))), [
    '/lib/drbd/drbdsetup-84 secondary 0',
  ]);
  const nine = viewOf({ interface: '9', volumes });
  t.same(commandsOf(planFor('start', withView(nine))), ['drbdsetup primary r0']);
  t.end();
});

t.test('drbd: never a promotion that the facts forbid (S4)', (t) => {
  const reason = 'r0 is Inconsistent here';
  for (const peerConfirmedDown of [false, true]) {
    const view = viewOf({ promotable: { ok: false, reason } });
    const plan = planFor('start', withView(view, { peerConfirmedDown }));
    t.same(plan, { kind: 'refused', reason });
    t.equal(planFor('stop', withView(view)).kind, 'steps', 'a stop stays possible');
  }
  t.end();
});

t.test('drbd: retries follow what the kernel said', (t) => {
  const retryOf = (plan: Plan): unknown =>
    plan.kind === 'steps' ? (plan.steps[0] as ExecStep).retry : plan;
  const primary = withView(viewOf({ volumes: [volume({ role: 'Primary' })] }));
  t.match(retryOf(planFor('stop', primary)), { onExits: [11], stderrHas: ['(-12)'] }, 'held open');
  const promotion = retryOf(planFor('start', withView(viewOf())));
  t.match(promotion, { onExits: [11] });
  const words = (promotion as { stderrHas: readonly string[] }).stderrHas;
  t.notOk(words.includes('(-7)'), 'a refusal by the fencing policy is not repeated');
  t.notOk(words.includes('(-2)'), 'bad data do not become good');
  t.same(planFor('start', primary), { kind: 'steps', steps: [] });
  t.same(planFor('stop', withView(viewOf())), { kind: 'steps', steps: [] });
  t.end();
});

t.test('drbd: --force only by order of a person, and only where DRBD needs it (S4)', (t) => {
  const commands = (disk: string, forced: boolean): readonly string[] | string => {
    const volumes = [volume({ disk, connection: 'WFConnection' }), volume({ minor: 1, connection: 'WFConnection' })];
    return commandsOf(planFor('start', withView(viewOf({ volumes }), { forced, peerConfirmedDown: true })));
  };
  const plain = ['/lib/drbd/drbdsetup-84 primary 0', '/lib/drbd/drbdsetup-84 primary 1'];
  t.same(commands('Outdated', false), plain);
  t.same(commands('UpToDate', true), plain);
  for (const disk of ['Outdated', 'Consistent']) {
    t.same(commands(disk, true), ['/lib/drbd/drbdsetup-84 primary 0 --force', plain[1]], disk);
  }
  const down = planFor('stop', withView(viewOf({ volumes: [volume({ role: 'Primary', disk: 'Outdated' })] }), { forced: true }));
  t.same(commandsOf(down), ['/lib/drbd/drbdsetup-84 secondary 0']);
  t.end();
});
