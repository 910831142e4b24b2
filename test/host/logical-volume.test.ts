import t from 'tap';
import type { CommandRequest, CommandResult } from '../../src/host/exec.js';
import {
  createSnapshot,
  logicalVolumeOf,
  removeSnapshot,
  roomFor,
  volumeNumbered,
  wholeRoom,
  type LogicalVolume,
} from '../../src/host/logical-volume.js';
import { snapshotRoom } from '../../src/cli/save-snapshot.js';

const MIB = 1_048_576;

/** As LVM 2.03.16 prints it (`lvs --reportformat json --units b --nosuffix`), with a thin volume. */
const REPORT = `  {
      "report": [
          {
              "lv": [
                  {"lv_name":"data", "vg_name":"tank", "lv_size":"155189248", "segtype":"linear", "pool_lv":"", "vg_free":"109051904", "vg_extent_size":"4194304", "lv_kernel_major":"254", "lv_kernel_minor":"0", "data_percent":""},
                  {"lv_name":"pool", "vg_name":"fast", "lv_size":"1073741824", "segtype":"thin-pool", "pool_lv":"", "vg_free":"0", "vg_extent_size":"4194304", "lv_kernel_major":"254", "lv_kernel_minor":"7", "data_percent":"75.00"},
                  {"lv_name":"slim", "vg_name":"fast", "lv_size":"4294967296", "segtype":"thin", "pool_lv":"pool", "vg_free":"0", "vg_extent_size":"4194304", "lv_kernel_major":"254", "lv_kernel_minor":"8", "data_percent":"10.00"}
              ]
          }
      ]
  }
`;

function volume(change: Partial<LogicalVolume> = {}): LogicalVolume {
  const found = volumeNumbered(REPORT, '254:0', '/dev/tank/data');
  if (!found.ok) throw new Error(found.error);
  return { ...found.value, ...change };
}

/** Answers every command alike and keeps what was asked. */
function fakeLvm(answer: Partial<CommandResult>): {
  readonly asked: CommandRequest[];
  readonly run: (request: CommandRequest) => Promise<CommandResult>;
} {
  const asked: CommandRequest[] = [];
  const nothing = { exitCode: 0, stdout: '', stderr: '', timedOut: false, startFailure: null, durationMs: 1 };
  const run = (request: CommandRequest): Promise<CommandResult> => {
    asked.push(request);
    return Promise.resolve({ ...nothing, ...answer });
  };
  return { asked, run };
}

t.test('logical volume: found by its device number, with the room that a snapshot can have', (t) => {
  t.strictSame(volume(), {
    volumeGroup: 'tank',
    name: 'data',
    sizeBytes: 148 * MIB,
    freeBytes: 104 * MIB,
    extentBytes: 4 * MIB,
    thinPool: null,
  });
  const thin = volumeNumbered(REPORT, '254:8', '/dev/fast/slim');
  t.match(thin, { ok: true, value: { thinPool: 'pool', freeBytes: 256 * MIB } });
  t.strictSame(volumeNumbered(REPORT, '98:16', '/dev/ubdb'), {
    ok: false,
    error: '/dev/ubdb is no LVM logical volume',
  });
  for (const broken of ['', '{', '{"report":1}', '{"report":[{"lv":[{"lv_name":"a"}]}]}']) {
    t.match(volumeNumbered(broken, '254:0', 'x'), { ok: false, error: /something else than its report/ }, broken);
  }
  t.end();
});

t.test('logical volume: a snapshot is read-only, has our name, and nothing else is removed', async (t) => {
  const { asked, run } = fakeLvm({});
  t.strictSame(await createSnapshot(volume(), 'tandem-r0-0-x', 8 * MIB, run), {
    ok: true,
    value: '/dev/tank/tandem-r0-0-x',
  });
  t.equal(await removeSnapshot(volume(), 'tandem-r0-0-x', run), null);
  await createSnapshot(volume({ thinPool: 'pool' }), 'tandem-r0-0-x', 0, run);
  t.strictSame(
    asked.map(({ argv }) => argv.join(' ')),
    [
      'lvcreate --yes --quiet --snapshot --permission r --size 8388608b --name tandem-r0-0-x tank/data',
      'lvremove --yes --quiet tank/tandem-r0-0-x',
      'lvcreate --yes --quiet --snapshot --permission r --setactivationskip n --name tandem-r0-0-x tank/data',
    ],
  );
  await t.rejects(removeSnapshot(volume(), 'data', run), /name of ours/);
  await t.rejects(createSnapshot(volume(), 'data2', 1, run), /name of ours/);
  t.equal(asked.length, 3, 'neither was run');
});

t.test('logical volume: each failure of the tools in words', async (t) => {
  const failures: readonly (readonly [Partial<CommandResult>, RegExp])[] = [
    [{ exitCode: null, startFailure: 'ENOENT' }, /^lvremove cannot be run: install lvm2$/],
    [{ exitCode: null, timedOut: true }, /^lvremove did not end in time$/],
    [{ exitCode: 5, stderr: '  WARNING: old\n  Volume group "x" not found\n' }, /^lvremove: Volume group "x" not found$/],
    [{ exitCode: 5 }, /^lvremove: exit code 5$/],
  ];
  for (const [answer, said] of failures) {
    t.match(await removeSnapshot(volume(), 'tandem-x', fakeLvm(answer).run), said);
  }
  const { asked, run } = fakeLvm({ stdout: REPORT });
  t.match(await logicalVolumeOf('/dev/null', run), { ok: false, error: '/dev/null is no block device' });
  t.equal(asked.length, 0, 'LVM is not asked about what is no block device');
});

t.test('snapshot: how much room it gets', (t) => {
  const tank = volume();
  t.equal(wholeRoom(tank), 152 * MIB, 'LVM itself calls 152 MiB the most that 148 MiB can use');
  t.equal(roomFor(0, tank), 4 * MIB);
  t.equal(roomFor(4 * MIB, tank), 8 * MIB, 'the map takes room, too');
  const wish = (overwrittenBytes: number | null, roomBytes: number | null): ReturnType<typeof snapshotRoom> =>
    snapshotRoom(tank, { overwrittenBytes, roomBytes });
  t.match(wish(0, null), { ok: false, error: /tank has 104 MiB free, and one that can never become full takes 152 MiB/ });
  t.strictSame(snapshotRoom(volume({ freeBytes: 200 * MIB }), { overwrittenBytes: 0, roomBytes: null }), { ok: true, value: 152 * MIB });
  t.strictSame(wish(20 * MIB, 29 * MIB), { ok: true, value: 32 * MIB }, 'whole extents');
  t.match(wish(20 * MIB, 20 * MIB), { ok: false, error: /20 MiB are too few: the resync alone may overwrite 20 MiB, so say 24 MiB or more/ });
  t.match(wish(0, 120 * MIB), { ok: false, error: /104 MiB free, but it was to take 120 MiB/ });
  t.strictSame(wish(null, 4 * MIB), { ok: true, value: 4 * MIB }, 'an unknown amount forbids nothing');
  const thin = volume({ thinPool: 'pool', freeBytes: 10 * MIB });
  t.strictSame(snapshotRoom(thin, { overwrittenBytes: 0, roomBytes: null }), { ok: true, value: 0 });
  t.match(snapshotRoom(thin, { overwrittenBytes: 20 * MIB, roomBytes: null }), { ok: false, error: /thin pool tank\/pool has 10 MiB free/ });
  t.end();
});
