import type { DrbdView, Plan, PlanContext, ServerReading } from '../../src/resources/plan.js';

/** A context in which nothing is found and nothing is down. */
export function contextOf(overrides: Partial<PlanContext> = {}): PlanContext {
  return {
    peerConfirmedDown: false,
    drbd: () => null,
    programs: {},
    scripts: {},
    discovered: {},
    isRoot: true,
    logDirectory: '/var/log/tandem',
    ...overrides,
  };
}

/** A one-volume resource of 8.4, Secondary and promotable, unless told otherwise. */
export function viewOf(overrides: Partial<DrbdView> = {}): DrbdView {
  return {
    interface: '8.4',
    volumes: [{ minor: 0, role: 'Secondary', connection: 'Connected', disk: 'UpToDate' }],
    addresses: { local: 'ipv4:10.9.1.1:7788', peer: 'ipv4:10.9.1.2:7788' },
    promotable: { ok: true },
    ...overrides,
  };
}

/** What a walk over /proc found. */
export function serverReading(
  processes: ServerReading['processes'] = [],
  pidFilePid: number | null = null,
): ServerReading {
  return { kind: 'server', pidFilePid, processes };
}

/** The command lines of a plan, or why there is none. */
export function commandsOf(plan: Plan): readonly string[] | string {
  if (plan.kind === 'refused') return plan.reason;
  return plan.steps.map((step) => {
    switch (step.kind) {
      case 'exec':
        return `${step.argv.join(' ')}${step.run === 'wait' ? '' : ` (${step.run})`}`;
      case 'spawn':
        return `${step.argv.join(' ')} (spawn)`;
      case 'signal':
        return `kill -${step.signal} ${step.pid} ${step.comm}`;
      case 'mkdir':
        return `mkdir ${step.path} ${step.mode.toString(8)} ${step.owner ?? '-'}`;
      case 'evict':
        return `evict ${step.mountPoint}`;
      case 'until':
        return `until ${step.state}: ${step.probes.map((probe) => probe.kind).join(' ')}`;
    }
  });
}
