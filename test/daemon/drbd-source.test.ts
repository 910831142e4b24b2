/** What the daemon knows of DRBD: the configuration from a fake drbdadm, the state from files. */
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { DrbdSource } from '../../src/daemon/drbd-source.js';
import { hasJustConnected } from '../../src/failover/drbd-connections.js';
import { EMPTY_FOLD, foldEvents2 } from '../../src/drbd/model-events.js';
import { folder, script } from '../support/temporary.js';
import { FIXTURES, readFixture } from '../drbd/samples.js';
import { Driver } from '../failover/driver.js';

const XML = `<config file="/etc/drbd.conf">
  <resource name="r0" conf-file-line="/etc/drbd.d/r0.res:1">
    <host name="n1">
      <volume vnr="0"><device minor="0">/dev/drbd0</device><disk>/dev/vda</disk></volume>
      <volume vnr="1"><device minor="1">/dev/drbd1</device><disk>/dev/vdb</disk></volume>
      <address family="ipv4" port="7789">10.9.1.1</address>
    </host>
    <host name="n2">
      <volume vnr="0"><device minor="0">/dev/drbd0</device><disk>/dev/vda</disk></volume>
      <volume vnr="1"><device minor="1">/dev/drbd1</device><disk>/dev/vdb</disk></volume>
      <address family="ipv4" port="7789">10.9.1.2</address>
    </host>
  </resource>
</config>
`;

/** A folder in front of PATH with programs that print what they are given. */
function programs(t: Test, texts: Readonly<Record<string, string>>): void {
  const path = folder(t);
  for (const [name, text] of Object.entries(texts)) {
    script(join(path, name), `cat <<'END'\n${text}\nEND\n`);
  }
  const before = process.env['PATH'] ?? '';
  process.env['PATH'] = `${path}:${before}`;
  t.teardown(() => (process.env['PATH'] = before));
}

t.test('drbd source: a dump-xml that breaks off is refused, for it may lack a volume', async (t) => {
  const cuts = [XML.indexOf('<volume vnr="1">'), XML.indexOf('</resource>')];
  for (const cut of cuts) {
    programs(t, { drbdadm: XML.slice(0, cut) });
    const source = new DrbdSource('n1', ['r0'], join(FIXTURES, '8.4.11-connected.txt'));
    await source.learn();
    const { facts } = await source.read();
    t.match(facts, [{ resource: 'r0', state: 'unknown', reason: /dump-xml r0: the text breaks off/ }]);
    t.equal(source.view('r0', readFixture('8.4.11-connected.txt'), { peerConfirmedDown: false }), null, 'nothing is planned');
  }
  programs(t, { drbdadm: XML.replaceAll('"r0"', '"r1"') });
  const other = new DrbdSource('n1', ['r0'], join(FIXTURES, '8.4.11-connected.txt'));
  await other.learn();
  t.match((await other.read()).facts, [{ reason: /tells of another resource/ }]);
  programs(t, { drbdadm: XML });
  await other.learn();
  t.match((await other.read()).facts, [{ state: 'down', reason: /volume 1 \(minor 1\)/ }], 'learnt');
});

t.test('drbd source: a connection that the core has not seen is younger than what it knows (I8)', async (t) => {
  programs(t, { drbdadm: XML.replaceAll(/<volume vnr="1">.*<\/volume>/g, '') });
  const text = readFixture('8.4.11-connected.txt');
  const source = new DrbdSource('n1', ['r0'], join(FIXTURES, '8.4.11-connected.txt'));
  await source.learn();
  const core = new Driver();
  const view = () =>
    source.view('r0', text, {
      peerConfirmedDown: true,
      hasJustConnected: (facts) => hasJustConnected(core.state, facts),
    });
  t.equal(view()?.hasJustConnected, true, '243002847');
  core.give({ kind: 'drbd', facts: (await source.read()).facts });
  t.equal(view()?.hasJustConnected, false, 'the kernel believes in the connection to a dead machine');
});

t.test('drbd source: DRBD 9 is known from the stream, else from drbdsetup', async (t) => {
  const header = readFixture('9.2.12-header-only.txt');
  programs(t, { drbdadm: XML, drbdsetup: '[]' });
  const source = new DrbdSource('n1', ['r0'], join(FIXTURES, '9.2.12-header-only.txt'));
  await source.learn();
  t.match(await source.read(), { kind: 'header', facts: [{ state: 'unknown', reason: /ask drbdsetup/ }] });
  const fold = foldEvents2(EMPTY_FOLD, [
    'exists resource name:r0 role:Secondary suspended:no',
    'exists connection name:r0 peer-node-id:1 conn-name:n2 connection:Connected role:Secondary',
    ...[0, 1].flatMap((volume) => [
      `exists device name:r0 volume:${volume} minor:${volume} disk:UpToDate`,
      `exists peer-device name:r0 peer-node-id:1 conn-name:n2 volume:${volume} ` +
        'replication:Established peer-disk:UpToDate out-of-sync:0',
    ]),
    'exists -',
  ]);
  t.match(source.takePicture(fold.resources), [{ state: 'configured', connection: 'Connected' }]);
  t.match(source.view('r0', header, { peerConfirmedDown: false }), {
    interface: '9',
    volumes: [{ minor: 0, disk: 'UpToDate' }, { minor: 1 }],
    promotable: { ok: true },
  });
  const lacking = foldEvents2(fold, ['destroy device name:r0 volume:1']);
  t.match(source.takePicture(lacking.resources), [{ state: 'down', reason: /volume 1/ }]);
  source.takePicture(null);
  t.match(source.view('r0', header, { peerConfirmedDown: false }), { promotable: { ok: false } }, 'what is forgotten is unknown');
  t.match(await source.ask(), [{ state: 'down' }]);
  programs(t, { drbdsetup: 'hello' });
  t.match(await source.ask(), [{ state: 'unknown', reason: /^drbdsetup status --json: / }]);
});

t.test('drbd source: no module, no file', async (t) => {
  const source = new DrbdSource('n1', [], join(folder(t), 'none'));
  t.equal(source.isNeeded, false);
  t.match(await source.read(), { kind: 'unreadable', facts: [] });
});
