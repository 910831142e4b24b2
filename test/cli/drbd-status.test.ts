import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { EXIT } from '../../src/base/exit-codes.js';
import { notBuilt, tandem } from './run-tandem.js';

const built = { skip: notBuilt };

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/proc-drbd/${name}.txt`, import.meta.url));

/** Compares with test/cli/golden/NAME.txt; TANDEM_GOLDEN=write writes what is to be reviewed. */
function golden(t: Test, name: string, text: string): void {
  const path = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(path, text);
  t.ok(existsSync(path), `${name} has a golden file`);
  if (existsSync(path)) t.equal(text, readFileSync(path, 'utf8'), name);
}

t.test('drbd status: saved readings (golden)', built, async (t) => {
  const names = ['8.4.11-synctarget-m', '8.4.11-splitbrain-node1', '8.4.11-io-suspended'];
  for (const name of [...names, '8.2.7-verify', '9.2.12-header-only', '8.4.11-no-devices']) {
    const text = readFileSync(fixture(name), 'utf8');
    const ran = await tandem(['drbd', 'status', '--proc', '-'], { input: text });
    t.match(ran, { code: 0, err: '' }, name);
    golden(t, `drbd-${name}`, ran.out);
  }
});

t.test('drbd status: --json tells everything in bytes and milliseconds', built, async (t) => {
  const file = fixture('8.4.11-syncsource-k');
  const ran = await tandem(['drbd', 'status', '--proc', file, '--json']);
  t.match(ran, { code: 0, err: '' });
  t.match(JSON.parse(ran.out), {
    schema: 'tandem.drbd/1',
    source: { kind: 'file', name: file, format: 'proc' },
    version: '8.4.11',
    resources: [
      {
        resource: 'drbd0',
        role: 'Primary',
        splitBrainSuspected: false,
        volumes: [{ volume: 0, minor: 0, disk: 'UpToDate' }],
        connections: [
          {
            connection: 'Connected',
            volumes: [{ replication: 'SyncSource', progress: { kind: 'resync', stalled: false } }],
          },
        ],
      },
    ],
  });
});

t.test('drbd status: one resource, by its name or its device', built, async (t) => {
  const args = ['drbd', 'status', '--json', '--proc', fixture('8.4.11-holes')];
  for (const name of ['drbd120', '/dev/drbd120']) {
    const ran = await tandem([...args, name]);
    t.match(JSON.parse(ran.out), { resources: [{ resource: 'drbd120' }] });
    t.equal((JSON.parse(ran.out) as { resources: unknown[] }).resources.length, 1);
  }
  const ran = await tandem(['drbd', 'status', 'r9', '--proc', fixture('8.4.11-holes')]);
  t.strictSame(ran, {
    code: EXIT.noSuch,
    out: '',
    err: 'tandem: no DRBD resource "r9"; there is drbd3, drbd120\n',
  });
});

t.test('drbd status: what is not understood is told with file, line and column', built, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-drbd-status-'));
  const file = join(folder, 'saved');
  const line = ' 0: cs:Connected ro:Primary/Secondary ds:UpToDate/Sideways C r-----\n';
  writeFileSync(file, `version: 8.4.11 (api:1/proto:86-101)\n${line}`);
  const ran = await tandem(['drbd', 'status', '--proc', file]);
  t.match(ran, { code: 0, out: /peer Sideways/ });
  const place = `${file}:2:${line.indexOf('Sideways') + 1}`;
  t.equal(ran.err, `${place}: warning: unknown state: "Sideways"\n`);
  writeFileSync(file, 'root:x:0:0:root:/root:/bin/bash\n');
  const other = await tandem(['drbd', 'status', '--proc', file]);
  t.strictSame(other, {
    code: EXIT.noInput,
    out: '',
    err: `tandem: ${file}: nothing of DRBD is in it\n`,
  });
  const none = await tandem(['drbd', 'status', '--proc', join(folder, 'none')]);
  t.match(none, { code: EXIT.noInput, err: /none cannot be read: ENOENT/ });
});

/** A folder with a program called drbdsetup. */
function fakeDrbdsetup(script: string): { readonly folder: string; readonly PATH: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-drbd-live-'));
  const path = join(folder, 'drbdsetup');
  writeFileSync(path, `#!/bin/sh\n${script}`);
  chmodSync(path, 0o755);
  return { folder, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

const EVENTS = fileURLToPath(new URL('../../fixtures/events2/', import.meta.url));

t.test('drbd status: this machine, DRBD 8.4: the file, with names from drbdsetup', built, async (t) => {
  const state = '8.4.11-33-two-volumes-one-waits-n2';
  const args = ['drbd', 'status', '--proc-drbd', fixture(state)];
  const said = fakeDrbdsetup(`test "$*" = "events2 --now --statistics all" && cat ${EVENTS}${state}.now.txt`);
  const named = await tandem(args, { env: said });
  t.match(named, { code: 0, err: '' });
  const first = 'DRBD 8.4.11, from FILE, names from drbdsetup';
  golden(t, 'drbd-live', named.out.replace(/^DRBD 8.4.11, from\s+\S+,\s+names\s+from\s+drbdsetup/, first));
  const dumb = await tandem(args, { env: fakeDrbdsetup('exit 20\n') });
  t.match(dumb, { code: 0, out: /^drbd10: Secondary$/m, err: '' }, 'without names');
});

const CONFIG = fileURLToPath(new URL('../../fixtures/config/', import.meta.url));

t.test('drbd status and config: where the kernel runs by something else than the files', built, async (t) => {
  const recorded = '8.4.11-43-syncing-controlled-n2';
  const env = fakeDrbdsetup(
    `case "$1" in show) cat ${CONFIG}${recorded}.show-defaults.txt;; events2) cat ${EVENTS}${recorded}.now.txt;; esac\n`,
  );
  const xml = readFileSync(`${CONFIG}${recorded}.dump.xml`, 'utf8');
  writeFileSync(join(env.folder, 'dump.xml'), xml.replaceAll('<host name="n2">', `<host name="${hostname()}">`));
  writeFileSync(join(env.folder, 'drbdadm'), `#!/bin/sh\ncat ${env.folder}/dump.xml\n`, { mode: 0o755 });
  const status = await tandem(['drbd', 'status', '--proc-drbd', fixture(recorded)], { env });
  t.match(status, { code: 0, err: '' });
  t.match(status.out.replace(/\s+/g, ' '), 'it does not run as the files say: volume 0 disk c-plan-ahead is 20, the files say 0');
  const ran = await tandem(['drbd', 'config', 'r0', '--json'], { env });
  t.match(ran, { code: EXIT.failed, err: '' });
  t.match(JSON.parse(ran.out), {
    schema: 'tandem.drbd-config/1',
    resources: [{ resource: 'r0', configured: true, differences: [{ what: 'volume 0 disk c-plan-ahead', running: '20', configured: '0' }, {}, {}] }],
  });
  const none = await tandem(['drbd', 'config', 'r7'], { env });
  t.match(none, { code: EXIT.noSuch, err: 'tandem: the kernel has no DRBD resource "r7"; it runs r0\n' });
  writeFileSync(join(env.folder, 'dump.xml'), xml.replaceAll('"r0"', '"r5"'));
  t.match(await tandem(['drbd', 'config'], { env }), { code: EXIT.failed, out: /The files do not have this resource/ });
});

t.test('drbd config: saved texts, faults with their place, secrets kept', built, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-drbd-config-'));
  const file = join(folder, 'show');
  writeFileSync(file, 'resource r0 {\n  net { shared-secret "hush"; tiemout 3; }\n}\n');
  const ran = await tandem(['drbd', 'config', '--show', file]);
  t.match(ran, { code: 0, out: /shared-secret \(set\), tiemout 3/, err: `${file}:2:31: warning: unknown word in section net: "tiemout"\n` });
  t.notMatch(ran.out, /hush/);
  const show = `${CONFIG}8.4.11-57-protocol-b-n1.show-defaults.txt`;
  const xml = `${CONFIG}8.4.11-57-protocol-b-n1.dump.xml`;
  const same = await tandem(['drbd', 'config', '--show', show, '--xml', xml, '--host', 'n1']);
  t.match(same, { code: 0, out: /It runs as the files say\.$/m });
  t.match(await tandem(['drbd', 'config', '--xml', xml]), { code: EXIT.usage, err: /name the text of drbdsetup show, too/ });
  t.match(await tandem(['drbd', 'config', '--show', join(folder, 'none')]), { code: EXIT.noInput });
});

t.test('drbd status: this machine, DRBD 9: drbdsetup is asked', built, async (t) => {
  const args = ['drbd', 'status', '--proc-drbd', fixture('9.2.12-header-only')];
  const json = '[{"name":"r0","role":"Primary","devices":[],"connections":[]}]';
  const said = fakeDrbdsetup(`test "$*" = "status --json" && echo '${json}'\n`);
  const ran = await tandem([...args, '--json'], { env: said });
  t.match(JSON.parse(ran.out), {
    source: { kind: 'live', name: 'drbdsetup status --json', format: 'status-json' },
    version: '9.2.12',
    resources: [{ resource: 'r0', role: 'Primary' }],
  });
  const rows: readonly (readonly [string, string])[] = [
    ['echo "no permission" >&2; exit 20\n', 'drbdsetup status --json: no permission'],
    ['echo hello\n', 'drbdsetup status --json printed something else than its state'],
  ];
  for (const [script, reason] of rows) {
    const failed = await tandem(args, { env: fakeDrbdsetup(script) });
    t.strictSame(failed, { code: EXIT.unknown, out: '', err: `tandem: ${reason}\n` });
  }
  const none = await tandem(['drbd', 'status', '--proc-drbd', join(said.folder, 'none')]);
  t.match(none, { code: EXIT.unknown, err: /none does not exist: the DRBD module is not loaded/ });
});

t.test('drbd status: saved output of drbdsetup', built, async (t) => {
  const file = `${EVENTS}8.4.11-25-split-brain-n1.now.txt`;
  const ran = await tandem(['drbd', 'status', '--proc', file]);
  t.match(ran, { code: 0, err: '', out: /^r0: Primary\n {2}split brain is possible/m });
  const json = '[{"name":"r0","role":"Primary",\n"devices":[';
  const half = await tandem(['drbd', 'status', '--proc', '-'], { input: json });
  t.match(half, { code: 0, out: /^r0: Primary$/m });
  t.equal(half.err, '<standard input>:2:12: warning: expected a value, but the text ends\n');
  const cut = readFileSync(file, 'utf8').split('\n').slice(0, 3).join('\n');
  const broken = await tandem(['drbd', 'status', '--proc', '-'], { input: cut });
  t.match(broken, { code: 0, out: /breaks off[^]*the dump is not complete/ });
});
