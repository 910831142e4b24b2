/** What the end of `drbdadm outdate` says of a disk. */
import t from 'tap';
import { judgeOutdate } from '../../src/daemon/outdate.js';
import type { CommandResult } from '../../src/host/exec.js';

const RESULT: CommandResult = {
  exitCode: 0,
  stdout: '',
  stderr: '',
  timedOut: false,
  startFailure: null,
  durationMs: 1,
};

t.test('outdate: exit codes of drbdadm outdate', (t) => {
  const rows = [
    [{ exitCode: 0 }, 'outdated'],
    [{ exitCode: 5 }, 'inconsistent'],
    [{ exitCode: 17 }, 'primary'],
    [{ exitCode: 20, stderr: "Device '0' is configured!\n" }, 'failed'],
    [{ exitCode: 10 }, 'failed'],
    [{ exitCode: null, timedOut: true }, 'failed'],
    [{ exitCode: null, startFailure: 'there is no drbdadm' }, 'failed'],
  ] as const;
  for (const [change, outcome] of rows) {
    const judged = judgeOutdate('r0', { ...RESULT, ...change });
    t.equal(judged.outcome, outcome, JSON.stringify(change));
    t.not(judged.reason, '');
  }
  t.end();
});
