import { mkdtempSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readLiveDrbd } from '../../src/host/live-drbd.js';

const PROC = join(process.cwd(), 'fixtures/proc-drbd/8.4.11-10-in-sync-n1.txt');

t.test('live drbd: a driver that hangs is told, and names come from the files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-live-drbd-'));
  const program = (name: string, script: string): void =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = process.env['PATH'] ?? '';
  process.env['PATH'] = `${folder}:${path}`;
  t.teardown(() => (process.env['PATH'] = path));
  program('drbdsetup', 'exec sleep 600');
  program('drbdadm', `cat <<XML
<resource name="data"><host name="${hostname()}"><volume vnr="0"><device minor="0"></device></volume></host></resource>
XML`);
  const live = await readLiveDrbd(PROC, 50);
  t.match(live, { kind: 'read', answers: false, source: /names from the configuration files$/ });
  if (live.kind !== 'read') return;
  t.match(live.reading.model.resources, [{ name: 'data', role: { word: 'Primary' } }]);
  t.match(live.reading.remarks, [/drbdsetup does not answer: a command hangs in the driver/]);
  program('drbdadm', 'exit 10');
  t.match(await readLiveDrbd(PROC, 50), { kind: 'read', source: PROC, answers: false });
});
