import fc from 'fast-check';
import t from 'tap';
import {
  groupState,
  isActive,
  nextToStart,
  nextToStop,
  type MemberState,
} from '../../src/resources/group-plan.js';
import { KINDS, kindOf } from '../../src/resources/kinds.js';
import type { Plan, PlanContext, Reading, ResourceAction } from '../../src/resources/plan.js';
import { PROGRAM_CANDIDATES, programPath } from '../../src/resources/programs.js';
import { heartbeatState, SCRIPT } from '../../src/resources/script.js';
import { RESOURCE_KINDS, type ResourceSpec, type ScriptSpec } from '../../src/resources/spec.js';
import { commandsOf, contextOf } from './context.js';

const MAIL: ScriptSpec = {
  kind: 'script',
  id: 'MailTo::root::take over',
  name: 'MailTo',
  args: ['root', 'take over'],
};
const HTTPD: ScriptSpec = { kind: 'script', id: 'httpd', name: 'httpd', args: [] };
const CONTEXT = contextOf({
  scripts: { MailTo: '/etc/ha.d/resource.d/MailTo', httpd: '/etc/init.d/httpd' },
});

function exit(exitCode: number | null, stdout = ''): Reading {
  return { kind: 'exit', exitCode, stdout, stderr: 'running' };
}

function planFor(
  action: ResourceAction,
  spec: ScriptSpec,
  status: Reading,
  context: PlanContext = CONTEXT,
): Plan {
  return SCRIPT.plan(spec, action, SCRIPT.interpret(spec, { status }, context), context);
}

t.test('script: the status text of Heartbeat scripts', (t) => {
  const rows: readonly [string, string][] = [
    ['running', 'started'],
    ['httpd is Running', 'started'],
    ['INFO:  Running OK', 'started'],
    ['stopped OK', 'started'],
    ['cannot determine status, may be running (Unknown)', 'started'],
    ['INFO:  Resource is stopped', 'stopped'],
    ['httpd is NOT running', 'stopped'],
    ['not\trunning', 'started'],
    ['Not currently Running', 'stopped'],
    ['not found\nrunning', 'stopped'],
    ['notrunning', 'started'],
    ['cannot be running; not so, running', 'stopped'],
    ['running, not stopped', 'started'],
    ['ok', 'stopped'],
    ['RUNNING', 'stopped'],
    ['', 'stopped'],
  ];
  for (const [output, state] of rows) t.equal(heartbeatState(output), state, output);
  const shell = /(?<![a-zA-Z])[nN][oO][tT] [^]*[Rr]unning/;
  const property = fc.property(
    fc.array(fc.constantFrom('not ', 'NoT ', 'can', 'running', 'Running', 'OK', ' ', 'x\n')),
    (words) => {
      const output = words.join('');
      const stopped = shell.test(output) || !/[Rr]unning|OK/.test(output);
      return heartbeatState(output) === (stopped ? 'stopped' : 'started');
    },
  );
  fc.assert(property);
  t.end();
});

t.test('script: resource.d by text only, init.d by exit code and text', (t) => {
  const rows: readonly [ScriptSpec, Reading, string][] = [
    [MAIL, exit(3, 'running'), 'started'],
    [MAIL, exit(0, ''), 'stopped'],
    [MAIL, exit(0, 'stopped'), 'stopped'],
    [HTTPD, exit(0, ''), 'started'],
    [HTTPD, exit(0, 'httpd is not running'), 'stopped'],
    [HTTPD, exit(3, 'httpd is running'), 'stopped'],
    [HTTPD, exit(1, 'dead but pid file exists'), 'failed'],
    [HTTPD, exit(2), 'failed'],
    [HTTPD, exit(4), 'unknown'],
    [HTTPD, exit(126), 'unknown'],
    [HTTPD, exit(null, 'running'), 'unknown'],
    [HTTPD, { kind: 'timedOut', afterMs: 20_000 }, 'unknown'],
    [MAIL, { kind: 'unreadable', reason: 'EACCES' }, 'unknown'],
  ];
  for (const [spec, status, state] of rows) {
    t.equal(SCRIPT.interpret(spec, { status }, CONTEXT).state, state, JSON.stringify(status));
  }
  t.equal(
    SCRIPT.interpret(HTTPD, { status: exit(3, 'httpd stopped\nmore') }, CONTEXT).reason,
    '/etc/init.d/httpd status says "httpd stopped" (exit 3)',
  );
  t.equal(
    SCRIPT.interpret(HTTPD, { status: exit(0) }, CONTEXT).reason,
    '/etc/init.d/httpd status says nothing (exit 0)',
  );
  t.end();
});

t.test('script: commands are arguments, then the action', (t) => {
  const probes = SCRIPT.probes(MAIL, CONTEXT);
  t.match(probes, [{ argv: ['/etc/ha.d/resource.d/MailTo', 'root', 'take over', 'status'] }]);
  const start = planFor('start', MAIL, exit(0, ''));
  t.same(start.kind === 'steps' && start.steps.map((step) => 'argv' in step && step.argv), [
    ['/etc/ha.d/resource.d/MailTo', 'root', 'take over', 'start'],
  ]);
  t.notMatch(start, { steps: [{ retry: {} }] });
  t.same(commandsOf(planFor('start', HTTPD, exit(0))), []);
  t.same(commandsOf(planFor('start', HTTPD, exit(1))), ['/etc/init.d/httpd start']);
  const stop = planFor('stop', HTTPD, exit(0));
  t.same(commandsOf(stop), ['/etc/init.d/httpd stop']);
  t.match(stop, { steps: [{ retry: { times: 10, pauseMs: 1000, onExits: 'any' } }] });
  const untrue = planFor('stop', MAIL, exit(0, ''));
  t.same(commandsOf(untrue), ['/etc/ha.d/resource.d/MailTo root take over stop']);
  t.same(commandsOf(planFor('stop', HTTPD, exit(4))), ['/etc/init.d/httpd stop']);
  t.end();
});

t.test('script: one that this machine has not is stopped, and its start is refused', (t) => {
  const none = contextOf();
  t.same(SCRIPT.probes(HTTPD, none), []);
  const reason =
    'There is no executable script httpd in /etc/ha.d/resource.d or /etc/init.d';
  t.match(SCRIPT.interpret(HTTPD, {}, none), { state: 'stopped', reason });
  t.equal(commandsOf(planFor('start', HTTPD, exit(0), none)), reason);
  t.same(commandsOf(planFor('stop', HTTPD, exit(0), none)), []);
  t.end();
});

const ANY_STATE = fc.constantFrom<MemberState>(
  'started',
  'stopped',
  'partial',
  'failed',
  'unknown',
  'starting',
  'stopping',
);
const STATES = fc.array(ANY_STATE, { maxLength: 6 });

t.test('group: a start never skips a predecessor, and ends when all are started (S10)', (t) => {
  const property = fc.property(STATES, (initial) => {
    const states = [...initial];
    for (let turns = 0; turns <= initial.length; turns += 1) {
      const next = nextToStart(states);
      if (next === null) return states.every((state) => state === 'started');
      if (!states.slice(0, next).every((state) => state === 'started')) return false;
      if (states[next] === 'started') return false;
      states[next] = 'started';
    }
    return false;
  });
  fc.assert(property);
  t.equal(nextToStart(['started', 'stopped', 'started']), 1, 'a gap is closed first');
  t.equal(nextToStart(['started', 'starting', 'stopped']), 1, 'not the next one yet');
  t.end();
});

t.test('group: a stop is always reachable, right to left, from any state (S3, S10)', (t) => {
  const property = fc.property(STATES, (initial) => {
    const states = [...initial];
    for (let turns = 0; turns <= initial.length; turns += 1) {
      const next = nextToStop(states);
      if (next === null) return states.every((state) => state === 'stopped') && !isActive(states);
      if (!states.slice(next + 1).every((state) => state === 'stopped')) return false;
      if (states[next] === 'stopped') return false;
      states[next] = 'stopped';
    }
    return false;
  });
  fc.assert(property);
  t.equal(nextToStop(['unknown', 'stopped', 'stopped']), 0, 'unknown is not stopped');
  t.end();
});

t.test('group: its state is that of its worst member', (t) => {
  const rows: readonly [readonly MemberState[], MemberState][] = [
    [[], 'stopped'],
    [['started', 'started'], 'started'],
    [['stopped', 'stopped'], 'stopped'],
    [['started', 'stopped'], 'partial'],
    [['started', 'partial'], 'partial'],
    [['started', 'starting', 'stopped'], 'starting'],
    [['started', 'stopping', 'stopped'], 'stopping'],
    [['started', 'unknown', 'starting'], 'unknown'],
    [['failed', 'unknown', 'started'], 'failed'],
  ];
  for (const [states, state] of rows) t.equal(groupState(states), state, states.join(' '));
  fc.assert(fc.property(STATES, (s) => (groupState(s) === 'stopped') === !isActive(s)));
  t.end();
});

t.test('kinds: every kind has its logic, with limits that fit together', (t) => {
  const specs: readonly ResourceSpec[] = [
    { kind: 'drbd', id: 'drbd:r0', resource: 'r0' },
    {
      kind: 'filesystem',
      id: 'filesystem:/db',
      device: '/dev/drbd0',
      directory: '/db',
      fstype: 'ext4',
      options: [],
    },
    {
      kind: 'ip',
      id: 'ip:10.9.0.100',
      address: '10.9.0.100',
      prefixLength: 24,
      device: 'eth0',
      broadcast: null,
    },
    { kind: 'mysql', id: 'mysql', datadir: '/db/mysql', defaultsFile: null },
    MAIL,
  ];
  t.same(specs.map(({ kind }) => kind), RESOURCE_KINDS);
  t.same(specs.map((spec) => kindOf(spec).phase), [
    'promote',
    'mount',
    'address',
    'database',
    'script',
  ]);
  t.same(specs.map((spec) => kindOf(spec).describe(spec)), [
    'DRBD resource r0, Primary',
    'file system /dev/drbd0 on /db (ext4)',
    'address 10.9.0.100/24 on eth0',
    'MySQL server on /db/mysql',
    'script MailTo root take over',
  ]);
  for (const spec of specs) {
    const names = kindOf(spec).probes(spec, CONTEXT).map(({ name }) => name);
    t.equal(new Set(names).size, names.length, `${spec.kind}: names of probes are unique`);
    const facts = kindOf(spec).interpret(spec, {}, CONTEXT);
    t.equal(facts.state, spec.kind === 'mysql' ? 'partial' : 'unknown', 'no readings');
  }
  for (const kind of RESOURCE_KINDS) {
    const { startTimeoutMs, stopTimeoutMs, monitorEveryMs } = KINDS[kind];
    t.ok(startTimeoutMs > monitorEveryMs && stopTimeoutMs > monitorEveryMs, kind);
  }
  t.end();
});

t.test('programs: absolute candidates; the bare name when none was found', (t) => {
  for (const paths of Object.values(PROGRAM_CANDIDATES)) {
    t.ok(paths.every((path) => path.startsWith('/')));
  }
  t.equal(programPath(contextOf({ programs: { ip: '/sbin/ip' } }), 'ip'), '/sbin/ip');
  t.equal(programPath(contextOf(), 'ip'), 'ip');
  t.end();
});
