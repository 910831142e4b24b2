import fc from 'fast-check';
import t from 'tap';
import { FILESYSTEM } from '../../src/resources/filesystem.js';
import { describeHolders, holdersOf, type ProcessFiles } from '../../src/resources/holders.js';
import { isAtOrBelow, parseMountinfo } from '../../src/resources/mountinfo.js';
import type { Plan, Reading, Readings, ResourceAction } from '../../src/resources/plan.js';
import type { FilesystemSpec } from '../../src/resources/spec.js';
import { commandsOf, contextOf } from './context.js';

const SPEC: FilesystemSpec = {
  kind: 'filesystem',
  id: 'filesystem:/db',
  device: '/dev/drbd0',
  directory: '/db',
  fstype: 'ext4',
  options: ['noatime'],
};
const CONTEXT = contextOf({ programs: { mount: '/usr/bin/mount', umount: '/usr/bin/umount' } });

const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard';
const DB = '80 27 147:0 / /db rw,noatime shared:1 - ext4 /dev/drbd0 rw';

const DIRECTORY: Reading = {
  kind: 'path',
  realPath: '/db',
  type: 'directory',
  deviceNumber: null,
  fileId: '254:11',
};
const DEVICE: Reading = {
  kind: 'path',
  realPath: '/dev/drbd0',
  type: 'block',
  deviceNumber: '147:0',
  fileId: '6:5',
};

function readingsOf(lines: readonly string[], overrides: Readings = {}): Readings {
  const mountinfo: Reading = { kind: 'text', text: `${lines.join('\n')}\n` };
  return { mountinfo, directory: DIRECTORY, device: DEVICE, ...overrides };
}

function planFor(action: ResourceAction, readings: Readings, spec = SPEC): Plan {
  return FILESYSTEM.plan(spec, action, FILESYSTEM.interpret(spec, readings, CONTEXT), CONTEXT);
}

t.test('mountinfo: fields, octal escapes and optional fields (proc_pid_mountinfo)', (t) => {
  const text = [
    ROOT,
    String.raw`90 27 147:3 /s\134dir /m/a\040b\011c\012d ro shared:3 master:1 - xfs /dev/d\057x rw`,
    '91 27 0:45 / /run/x rw - tmpfs  rw,size=4k',
    '92 27 0:46 / /err rw - ext4 /dev/e ro,errors=remount-ro',
    '',
  ].join('\n');
  const { mounts, badLines } = parseMountinfo(text);
  t.same(badLines, []);
  t.same(mounts[1], {
    deviceNumber: '147:3',
    root: '/s\\dir',
    mountPoint: '/m/a b\tc\nd',
    fstype: 'xfs',
    source: '/dev/d/x',
    readOnly: true,
  });
  t.match(mounts[2], { source: '', fstype: 'tmpfs' }, 'a source may be empty');
  t.match(mounts[3], { readOnly: true }, 'read-only as a file system');
  t.match(mounts[0], { readOnly: false });
  t.end();
});

t.test('mountinfo: any text gives mounts or bad lines, none is lost', (t) => {
  const property = fc.property(fc.string(), (text) => {
    const { mounts, badLines } = parseMountinfo(text);
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return mounts.length + badLines.length === lines.length;
  });
  fc.assert(property);
  t.same(parseMountinfo('27 1 254:0 / / rw - ext4').badLines, ['27 1 254:0 / / rw - ext4']);
  t.same(parseMountinfo('27 1 x / / rw - ext4 a b').badLines.length, 1);
  t.ok(isAtOrBelow('/db/x', '/db'));
  t.notOk(isAtOrBelow('/dbx', '/db'));
  t.end();
});

t.test('filesystem: facts from mountinfo', (t) => {
  const rows: readonly [string, readonly string[], string, string][] = [
    ['not mounted', [ROOT], 'stopped', '/dev/drbd0 is not mounted'],
    ['mounted', [ROOT, DB], 'started', '/dev/drbd0 is mounted on /db (ext4)'],
    [
      'same device by number under another name',
      [ROOT, '80 27 147:0 / /db rw - ext4 /dev/drbd/by-res/r0/0 rw'],
      'started',
      '/dev/drbd0 is mounted on /db (ext4)',
    ],
    [
      'a stranger on the directory',
      [ROOT, '80 27 8:17 / /db rw - xfs /dev/sdb1 rw'],
      'stopped',
      '/dev/drbd0 is not mounted; /db is taken by /dev/sdb1 (xfs)',
    ],
    [
      'a stranger over us',
      [ROOT, DB, '81 80 8:17 / /db rw - xfs /dev/sdb1 rw'],
      'failed',
      '/db is hidden by /dev/sdb1, mounted over it',
    ],
    [
      'elsewhere',
      [ROOT, '80 27 147:0 / /mnt rw - ext4 /dev/drbd0 rw'],
      'failed',
      '/dev/drbd0 is on /mnt, not on /db',
    ],
    [
      'turned read-only by the kernel',
      [ROOT, '80 27 147:0 / /db rw,noatime - ext4 /dev/drbd0 ro'],
      'failed',
      '/dev/drbd0 on /db is read-only: see the kernel log for I/O errors',
    ],
    ['nonsense', ['bad'], 'unknown', 'Cannot understand /proc/self/mountinfo: "bad"'],
  ];
  for (const [title, lines, state, reason] of rows) {
    const facts = FILESYSTEM.interpret(SPEC, readingsOf(lines), CONTEXT);
    t.same([facts.state, facts.reason], [state, reason], title);
  }
  const unreadable: Reading = { kind: 'unreadable', reason: 'EACCES' };
  t.match(FILESYSTEM.interpret(SPEC, readingsOf([], { mountinfo: unreadable }), CONTEXT), {
    state: 'unknown',
    reason: 'Cannot read /proc/self/mountinfo: EACCES',
  });
  t.equal(FILESYSTEM.interpret(SPEC, {}, CONTEXT).state, 'unknown');
  t.end();
});

t.test('filesystem: wanted read-only, trailing slash, symbolic links', (t) => {
  const readOnly = { ...SPEC, options: ['ro'] };
  const lines = [ROOT, '80 27 147:0 / /db ro - ext4 /dev/drbd0 ro'];
  t.equal(FILESYSTEM.interpret(readOnly, readingsOf(lines), CONTEXT).state, 'started');
  const slash = { ...SPEC, directory: '/db/' };
  const absent = { directory: { kind: 'absent' } } as const;
  t.equal(FILESYSTEM.interpret(slash, readingsOf([ROOT, DB], absent), CONTEXT).state, 'started');
  const link = { ...SPEC, directory: '/var/lib/db' };
  t.equal(FILESYSTEM.interpret(link, readingsOf([ROOT, DB]), CONTEXT).state, 'started');
  t.end();
});

t.test('filesystem: a device named by tag', (t) => {
  const spec = { ...SPEC, device: 'UUID=7f00-12' };
  t.same(
    FILESYSTEM.probes(spec, CONTEXT).map((probe) => ('path' in probe ? probe.path : '')),
    ['/proc/self/mountinfo', '/db', '/dev/disk/by-uuid/7f00-12'],
  );
  t.equal(FILESYSTEM.interpret(spec, readingsOf([ROOT, DB]), CONTEXT).state, 'started');
  const gone: Readings = { device: { kind: 'absent' } };
  t.equal(FILESYSTEM.interpret(spec, readingsOf([ROOT], gone), CONTEXT).state, 'stopped');
  t.match(FILESYSTEM.interpret(spec, readingsOf([ROOT, DB], gone), CONTEXT), {
    state: 'unknown',
    reason: 'Cannot tell whether /dev/drbd0 on /db is UUID=7f00-12',
  });
  t.end();
});

t.test('filesystem: a start is a mount, with the directory made when it is missing', (t) => {
  const mount = '/usr/bin/mount -t ext4 -o noatime /dev/drbd0 /db';
  t.same(commandsOf(planFor('start', readingsOf([ROOT]))), [mount]);
  const missing = readingsOf([ROOT], { directory: { kind: 'absent' } });
  t.same(commandsOf(planFor('start', missing)), ['mkdir /db 755 -', mount]);
  const plain = { ...SPEC, fstype: null, options: [] };
  t.same(commandsOf(planFor('start', readingsOf([ROOT]), plain)), [
    '/usr/bin/mount /dev/drbd0 /db',
  ]);
  const many = { ...SPEC, options: ['noatime', 'data=ordered'] };
  t.same(commandsOf(planFor('start', readingsOf([ROOT]), many)), [
    '/usr/bin/mount -t ext4 -o noatime,data=ordered /dev/drbd0 /db',
  ]);
  t.same(commandsOf(planFor('start', readingsOf([ROOT, DB]))), []);
  t.end();
});

t.test('filesystem: a start that cannot succeed is refused in words', (t) => {
  const file: Readings = { directory: { ...DIRECTORY, type: 'file' } };
  const rows: readonly [Readings, string][] = [
    [
      readingsOf([ROOT, '80 27 8:17 / /db rw - xfs /dev/sdb1 rw']),
      '/db is taken by /dev/sdb1 (xfs)',
    ],
    [readingsOf([ROOT], file), '/db is not a directory'],
    [
      readingsOf([ROOT, '80 27 147:0 / /mnt rw - ext4 /dev/drbd0 rw']),
      '/dev/drbd0 is on /mnt, not on /db',
    ],
  ];
  for (const [readings, reason] of rows) t.equal(commandsOf(planFor('start', readings)), reason);
  t.end();
});

t.test('filesystem: a stop unmounts all of it, newest first', (t) => {
  t.same(commandsOf(planFor('stop', readingsOf([ROOT]))), []);
  t.same(commandsOf(planFor('stop', readingsOf([ROOT, DB]))), ['/usr/bin/umount /db']);
  const nested = [
    '70 27 0:50 / /db/old rw - tmpfs tmpfs rw',
    DB,
    '81 80 0:45 / /db/tmp rw - tmpfs tmpfs rw',
    '82 27 147:0 /www /var/www rw - ext4 /dev/drbd0 rw',
    '83 27 0:46 / /dbx rw - tmpfs tmpfs rw',
  ];
  const plan = planFor('stop', readingsOf([ROOT, ...nested]));
  t.same(commandsOf(plan), [
    '/usr/bin/umount /var/www',
    '/usr/bin/umount /db/tmp',
    '/usr/bin/umount /db',
  ]);
  const evicting = plan.kind === 'steps' ? plan.steps.map((step) => 'recovery' in step) : [];
  t.same(evicting, [false, true, true], 'nobody is ended outside of the directory');
  t.end();
});

t.test('filesystem: a busy umount evicts with TERM before KILL, then tries again', (t) => {
  const plan = planFor('stop', readingsOf([ROOT, DB]));
  t.match(plan, {
    steps: [
      {
        recovery: {
          onExits: [1, 32],
          steps: [
            {
              kind: 'evict',
              mountPoint: '/db',
              signals: [{ signal: 'SIGTERM' }, { signal: 'SIGKILL' }],
            },
          ],
        },
        retry: { onExits: [1, 32] },
      },
    ],
  });
  t.end();
});

t.test('filesystem: never the root of the machine, never by a mere name', (t) => {
  const root: Readings = { device: { ...DEVICE, deviceNumber: '254:0' } };
  t.equal(
    commandsOf(planFor('stop', readingsOf([ROOT], root))),
    'Refuse to unmount the root of this machine',
  );
  const tmpfs = { ...SPEC, device: 'tmpfs', fstype: 'tmpfs', options: [] };
  const lines = [ROOT, '50 27 0:23 / /run rw - tmpfs tmpfs rw'];
  const readings = readingsOf(lines, { device: undefined });
  t.same(commandsOf(planFor('stop', readings, tmpfs)), []);
  const mounted = readingsOf([...lines, '51 27 0:24 / /db rw - tmpfs tmpfs rw'], {
    device: undefined,
  });
  t.same(commandsOf(planFor('stop', mounted, tmpfs)), ['/usr/bin/umount /db']);
  t.end();
});

t.test('filesystem: after any stop plan nothing of the device is left', (t) => {
  const line = fc.record({
    device: fc.constantFrom('147:0', '8:17', '0:45'),
    mountPoint: fc.constantFrom('/db', '/db/a', '/db/a/b', '/mnt', '/dbx', '/var/www'),
  });
  const property = fc.property(fc.array(line, { maxLength: 8 }), (mounts) => {
    const lines = mounts.map(
      ({ device, mountPoint }, index) =>
        `${100 + index} 27 ${device} / ${mountPoint} rw - ext4 /dev/m${device} rw`,
    );
    const readings = readingsOf([ROOT, ...lines]);
    const plan = planFor('stop', readings);
    if (plan.kind === 'refused') return false;
    // umount(2) removes the newest mount of a mount point.
    const left = [...mounts];
    for (const step of plan.steps) {
      const mountPoint = step.kind === 'exec' ? step.argv[1] : '';
      const at = left.findLastIndex((mount) => mount.mountPoint === mountPoint);
      if (at < 0) return false;
      left.splice(at, 1);
    }
    return !left.some(({ device }) => device === '147:0');
  });
  fc.assert(property);
  t.end();
});

t.test('holders: by device number, by path only without one; the protected are only named', (t) => {
  const file = (how: 'cwd' | 'fd', path: string, fileDevice: string | null) =>
    ({ how, path, fileDevice }) as const;
  const processes: readonly ProcessFiles[] = [
    { pid: 1, comm: 'init', files: [file('fd', '/db/x', '37632')] },
    { pid: 40, comm: 'tandemd', files: [file('cwd', '/db', '37632')] },
    { pid: 50, comm: 'bash', files: [file('cwd', '/', '65024'), file('cwd', '/db', '37632')] },
    { pid: 60, comm: 'hidden', files: [file('cwd', '/db', '65024')] },
    { pid: 70, comm: 'other-ns', files: [file('fd', '/srv/y', '37632')] },
    { pid: 80, comm: 'unread', files: [file('fd', '/db/z', null)] },
    { pid: 90, comm: 'beside', files: [file('fd', '/dbx/z', null)] },
  ];
  const mount = { mountPoint: '/db', fileDevice: '37632' };
  const holders = holdersOf(mount, processes, new Set([40, 39]));
  t.same(
    holders.map(({ pid, mayEvict }) => [pid, mayEvict]),
    [[1, false], [40, false], [50, true], [70, true], [80, true]],
  );
  t.equal(
    describeHolders(holders.slice(2)),
    'bash (pid 50, cwd /db), other-ns (pid 70, /srv/y), unread (pid 80, /db/z)',
  );
  t.match(describeHolders([...holders, ...holders]), / and|, 5 more$/);
  t.same(holdersOf({ mountPoint: '/db', fileDevice: null }, processes, new Set()).length, 5);
  t.end();
});
