import fc from 'fast-check';
import t from 'tap';
import { parsePrintedDefaults } from '../../src/resources/mysql-options.js';
import { mysqlSettings } from '../../src/resources/mysql-settings.js';
import { MYSQL } from '../../src/resources/mysql.js';
import type {
  Plan,
  PlanContext,
  ProcessInfo,
  Reading,
  Readings,
  ResourceAction,
} from '../../src/resources/plan.js';
import type { MysqlSpec } from '../../src/resources/spec.js';
import { commandsOf, contextOf, serverReading } from './context.js';

const SPEC: MysqlSpec = {
  kind: 'mysql',
  id: 'mysql:/db/mysql',
  datadir: '/db/mysql',
  defaultsFile: null,
};

/** What Debian 12 ships. */
const DEBIAN = ['--socket=/run/mysqld/mysqld.sock', '--pid-file=/run/mysqld/mysqld.pid', ''];

function printed(lines: readonly string[]): Reading {
  return { kind: 'exit', exitCode: 0, stdout: lines.join('\n'), stderr: '' };
}

function debian(overrides: Partial<PlanContext> = {}, ...lines: string[]): PlanContext {
  return contextOf({
    programs: { mariadbd: '/usr/sbin/mariadbd' },
    discovered: { options: printed([...DEBIAN, ...lines]) },
    ...overrides,
  });
}

const SERVER: ProcessInfo = {
  pid: 812,
  comm: 'mariadbd',
  exe: '/usr/sbin/mariadbd',
  argv: ['/usr/sbin/mariadbd', '--datadir=/db/mysql'],
  cwd: '/db/mysql',
  cwdId: '37632:12',
};
const DATADIR: Reading = {
  kind: 'path',
  realPath: '/db/mysql',
  type: 'directory',
  deviceNumber: null,
  fileId: '37632:12',
};
const ABSENT: Reading = { kind: 'absent' };

function readingsOf(server: Reading, handshake: Reading, datadir: Reading = DATADIR): Readings {
  return { server, handshake, datadir };
}

function planFor(
  action: ResourceAction,
  readings: Readings,
  context = debian(),
  spec = SPEC,
): Plan {
  return MYSQL.plan(spec, action, MYSQL.interpret(spec, readings, context), context);
}

t.test('mysql options: last wins, dashes and underscores, total', (t) => {
  const text = [
    '--datadir=/var/lib/mysql',
    '--log_error=/var/log/mysql/error.log',
    '--skip-name-resolve',
    '--loose-user=maria',
    '--datadir=/db/my sql',
    '--socket=',
    'noise',
  ].join('\n');
  t.same(parsePrintedDefaults(text), {
    datadir: '/db/my sql',
    socket: null,
    pidFile: null,
    user: 'maria',
    logError: '/var/log/mysql/error.log',
  });
  fc.assert(fc.property(fc.string(), (any) => Object.keys(parsePrintedDefaults(any)).length === 5));
  t.end();
});

t.test('mysql: option files are asked once, with the program the server comes with', (t) => {
  const argvOf = (spec: MysqlSpec, context: PlanContext): unknown =>
    MYSQL.discovery(spec, context).map((probe) => (probe.kind === 'command' ? probe.argv : []));
  t.same(argvOf(SPEC, debian()), [['my_print_defaults', '--mysqld']]);
  const ours = { ...SPEC, defaultsFile: '/etc/my-db.cnf' };
  t.same(argvOf(ours, contextOf()), [
    ['my_print_defaults', '--defaults-file=/etc/my-db.cnf', 'mysqld', 'server'],
  ]);
  t.notOk(MYSQL.probes(SPEC, debian()).some(({ kind }) => kind === 'command'), 'then no fork');
  t.end();
});

t.test('mysql: settings are completed, and what is not in a file is passed on', (t) => {
  t.same(mysqlSettings(SPEC, debian()), {
    datadir: '/db/mysql',
    socket: '/run/mysqld/mysqld.sock',
    pidFile: '/run/mysqld/mysqld.pid',
    user: 'mysql',
    logError: null,
    args: ['--datadir=/db/mysql', '--user=mysql'],
  });
  const fromFile = { ...SPEC, datadir: null };
  const files = ['--datadir=/db/mysql/', '--user=maria', '--log-error=error', '--pid-file=m.pid'];
  t.same(mysqlSettings(fromFile, debian({}, ...files)), {
    datadir: '/db/mysql',
    socket: '/run/mysqld/mysqld.sock',
    pidFile: '/db/mysql/m.pid',
    user: 'maria',
    logError: '/db/mysql/error.err',
    args: [],
  });
  t.same(mysqlSettings(SPEC, contextOf({ isRoot: false }))?.args, [
    '--datadir=/db/mysql',
    '--socket=/run/mysqld/mysqld.sock',
    '--pid-file=/db/mysql/mysqld.pid',
  ]);
  t.equal(mysqlSettings(fromFile, contextOf()), null, 'no datadir from anywhere');
  t.end();
});

t.test('mysql: facts from the process and its greeting', (t) => {
  const alive = serverReading([SERVER], 812);
  const other = { ...SERVER, pid: 7, cwd: '/var/lib/mysql', cwdId: '65024:99' };
  const rows: readonly [string, Readings, string, string][] = [
    [
      'serves',
      readingsOf(alive, { kind: 'greeted' }),
      'started',
      'mariadbd (pid 812) answers',
    ],
    [
      'full is not dead',
      readingsOf(alive, { kind: 'refused', byServer: true, reason: 'Too many connections' }),
      'started',
      'mariadbd (pid 812) answers "Too many connections"',
    ],
    [
      'recovers',
      readingsOf(alive, ABSENT),
      'partial',
      'mariadbd (pid 812) has no socket yet',
    ],
    [
      'hangs',
      readingsOf(alive, { kind: 'timedOut', afterMs: 2000 }),
      'partial',
      'mariadbd (pid 812) has not greeted within 2000 ms',
    ],
    [
      'listens no more',
      readingsOf(alive, { kind: 'refused', byServer: false, reason: 'ECONNREFUSED' }),
      'partial',
      'mariadbd (pid 812) does not answer: ECONNREFUSED',
    ],
    ['ended', readingsOf(serverReading(), ABSENT), 'stopped', 'No server runs on /db/mysql'],
    [
      'crashed: a stale pid file',
      readingsOf(serverReading([], 812), ABSENT),
      'stopped',
      'No server runs on /db/mysql; /run/mysqld/mysqld.pid is left over',
    ],
    [
      'a stale pid file that names another server',
      readingsOf(serverReading([other], 7), ABSENT),
      'stopped',
      'No server runs on /db/mysql; /run/mysqld/mysqld.pid is left over',
    ],
  ];
  for (const [title, readings, state, reason] of rows) {
    const facts = MYSQL.interpret(SPEC, readings, debian());
    t.same([facts.state, facts.reason], [state, reason], title);
  }
  t.end();
});

t.test('mysql: a server is ours by its data directory', (t) => {
  const cases: readonly [string, Partial<ProcessInfo>, Reading, string][] = [
    ['the same file', {}, DATADIR, 'started'],
    ['by a symbolic link', { cwd: '/srv/disk/mysql' }, DATADIR, 'started'],
    ['a container with the same path', { cwdId: '41:12' }, DATADIR, 'stopped'],
    ['not there yet, by its argument', { cwd: '/', cwdId: '65024:2' }, DATADIR, 'started'],
    ['not there yet, another one', { cwd: '/', cwdId: '65024:2', argv: [] }, DATADIR, 'stopped'],
    ['by path when there is no number', { cwdId: null }, DATADIR, 'started'],
    ['its directory is unmounted', { cwd: '/db/mysql (deleted)' }, ABSENT, 'started'],
    ['it cannot be read', { cwd: null, cwdId: null }, DATADIR, 'unknown'],
  ];
  for (const [title, overrides, datadir, state] of cases) {
    const server = serverReading([{ ...SERVER, ...overrides }], 812);
    const facts = MYSQL.interpret(SPEC, readingsOf(server, { kind: 'greeted' }, datadir), debian());
    t.equal(facts.state, state, title);
  }
  const unreadable: Reading = { kind: 'unreadable', reason: 'EACCES' };
  t.match(MYSQL.interpret(SPEC, readingsOf(unreadable, ABSENT), debian()), {
    state: 'unknown',
    reason: 'Cannot read the process table: EACCES',
  });
  t.end();
});

t.test('mysql: a start makes the run directory, spawns and waits for the greeting', (t) => {
  const stopped = readingsOf(serverReading(), ABSENT);
  t.same(commandsOf(planFor('start', stopped)), [
    'mkdir /run/mysqld 755 mysql',
    '/usr/sbin/mariadbd --datadir=/db/mysql --user=mysql (spawn)',
    'until started: mysqlHandshake',
  ]);
  const own = { ...SPEC, defaultsFile: '/db/my.cnf' };
  t.same(commandsOf(planFor('start', stopped, debian({ programs: {} }), own)), [
    'mkdir /run/mysqld 755 mysql',
    'mysqld --defaults-file=/db/my.cnf --datadir=/db/mysql --user=mysql (spawn)',
    'until started: mysqlHandshake',
  ]);
  t.match(planFor('start', stopped), {
    steps: [
      {},
      { workingDirectory: '/', outputPath: '/var/log/tandem/mysql-db-mysql.log' },
      { endsWithSpawned: true, evidencePath: '/var/log/tandem/mysql-db-mysql.log', everyMs: 20 },
    ],
  });
  const logged = debian({}, '--log-error=/var/log/mysql/error.log');
  t.match(planFor('start', stopped, logged), {
    steps: [{}, {}, { evidencePath: '/var/log/mysql/error.log' }],
  });
  t.end();
});

t.test('mysql: a server that recovers is waited for, not started twice', (t) => {
  const recovering = readingsOf(serverReading([SERVER], 812), ABSENT);
  t.same(commandsOf(planFor('start', recovering)), ['until started: mysqlHandshake']);
  t.match(planFor('start', recovering), { steps: [{ endsWithSpawned: false }] });
  const serving = readingsOf(serverReading([SERVER], 812), { kind: 'greeted' });
  t.same(commandsOf(planFor('start', serving)), []);
  const taken = readingsOf(serverReading(), { kind: 'greeted' });
  t.equal(
    commandsOf(planFor('start', taken)),
    'Another server already uses /run/mysqld/mysqld.sock',
  );
  t.same(commandsOf(planFor('stop', taken)), [], 'and is none of our business');
  t.end();
});

t.test('mysql: a stop is TERM and patience, never KILL', (t) => {
  for (const handshake of [{ kind: 'greeted' }, ABSENT] as const) {
    const plan = planFor('stop', readingsOf(serverReading([SERVER], 812), handshake));
    t.same(commandsOf(plan), ['kill -SIGTERM 812 mariadbd', 'until stopped: process']);
    t.match(plan, { steps: [{}, { probes: [{ pid: 812, comms: ['mariadbd'] }] }] });
    t.notMatch(JSON.stringify(plan), 'KILL');
  }
  t.same(commandsOf(planFor('stop', readingsOf(serverReading([], 812), ABSENT))), []);
  t.end();
});

t.test('mysql: the waits interpret their cheap probes alone', (t) => {
  const ending = (processes: readonly ProcessInfo[]): Readings => ({
    ending: serverReading(processes, 812),
  });
  const gone = { ...SERVER, cwd: null, cwdId: null };
  t.equal(MYSQL.interpret(SPEC, ending([SERVER]), debian()).state, 'partial');
  t.equal(MYSQL.interpret(SPEC, ending([gone]), debian()).state, 'partial', 'still exiting');
  t.equal(MYSQL.interpret(SPEC, ending([]), debian()).state, 'stopped');
  const starting = MYSQL.interpret(SPEC, { handshake: ABSENT }, debian());
  t.same([starting.state, starting.reason], ['partial', 'The server has no socket yet']);
  t.equal(MYSQL.interpret(SPEC, { handshake: { kind: 'greeted' } }, debian()).state, 'started');
  t.end();
});

t.test('mysql: option files on a disk that is not mounted', (t) => {
  const spec: MysqlSpec = { ...SPEC, datadir: null, defaultsFile: '/db/my.cnf' };
  const stderr = 'Could not open required defaults file: /db/my.cnf\nFatal error';
  const context = debian({
    discovered: { options: { kind: 'exit', exitCode: 2, stdout: '', stderr } },
  });
  t.same(MYSQL.probes(spec, context).map(({ kind }) => kind), ['server']);
  const cause =
    "Cannot read the server's option files: Could not open required defaults file: /db/my.cnf";
  const idle = { server: serverReading() };
  t.match(MYSQL.interpret(spec, idle, context), {
    state: 'stopped',
    reason: 'No MySQL server runs on this machine',
  });
  t.equal(commandsOf(planFor('start', idle, context, spec)), cause);
  t.same(commandsOf(planFor('stop', idle, context, spec)), []);
  const busy = { server: serverReading([SERVER]) };
  t.match(MYSQL.interpret(spec, busy, context), { state: 'unknown', reason: cause });
  t.equal(planFor('stop', busy, context, spec).kind, 'refused');
  t.end();
});
