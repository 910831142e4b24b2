// The command that lets held back writes go on, and the last look before it.

import t from 'tap';
import { resumeHeldWrites } from '../../src/daemon/resume-io.js';
import type { CommandResult } from '../../src/host/exec.js';
import { drbd } from '../failover/driver.js';

const EFFECT = { kind: 'resumeIo', resumeId: 'resume-1', resource: 'r0' } as const;
const HELD = { role: 'Primary', connection: 'WFConnection', peerRole: 'Unknown', ioSuspended: true } as const;
const ENDED: CommandResult = {
  exitCode: 0, stdout: '', stderr: '', timedOut: false, startFailure: null, durationMs: 1,
};

async function resumed(facts: ReturnType<typeof drbd>[], end: Partial<CommandResult> = {}): Promise<unknown> {
  const ran: string[] = [];
  const run = async (argv: readonly string[]): Promise<CommandResult> => {
    ran.push(argv.join(' '));
    return Promise.resolve({ ...ENDED, ...end });
  };
  const { outcome, reason } = await resumeHeldWrites(EFFECT, { facts: async () => Promise.resolve(facts), run });
  return [outcome, reason, ...ran];
}

t.test('resume: drbdadm resume-io, once DRBD has said again that it is as it was', async (t) => {
  t.same(await resumed([drbd(HELD)]), ['ok', 'drbdadm resume-io succeeded', 'drbdadm resume-io r0']);
  t.same(await resumed([drbd({ ...HELD, ioSuspended: false })]), ['ok', 'DRBD holds nothing back']);
});

t.test('resume: nothing is run when DRBD says something else by now', async (t) => {
  for (const change of [{ connection: 'SyncSource' }, { role: 'Secondary' }, { disk: 'Inconsistent' }] as const) {
    t.match(await resumed([drbd({ ...HELD, ...change })]), ['failed', /^DRBD says .* now$/]);
  }
  t.match(await resumed([]), ['failed', 'DRBD does not list it']);
});

t.test('resume: why it did not work', async (t) => {
  t.match(await resumed([drbd(HELD)], { exitCode: null, startFailure: 'ENOENT' }), ['failed', 'ENOENT', /resume-io/]);
  const stderr = "'r0' not defined in your config (for this host).";
  t.match(await resumed([drbd(HELD)], { exitCode: 1, stderr }), ['failed', /.+; .+/]);
  t.match(await resumed([drbd(HELD)], { exitCode: null, timedOut: true }), ['failed', /.+/]);
});
