/**
 * Golden dialogues: a script of what happens to a cluster, and what the cluster says and does, in
 * virtual time. A file is a list of blocks: commands, `----`, the exact answer, an empty line.
 *
 *     given mysql on n1          both nodes are up and it runs there; nothing of that is shown
 *     boot n1 n2                 power on; the daemons start after 1 s
 *     power-cut n1 | power-on n1 | daemon-crash n1 | daemon-start n1 | leave n1
 *     stall n1 2s | freeze n1 8s the daemon alone, or the whole machine, stands still
 *     cut LINK | mend LINK       eth0, eth1, serial, all (these three), replication
 *     cut clients n1             what n1 reaches of its ping nodes
 *     isolate n1 | mend everything
 *     device n1 fails            or works, hangs, late: the power devices of n1; one: device n1 fails outlet-2
 *     disk n1 fails              or returns, replaced: the disk below DRBD
 *     fail n1 start mysql fails  the next such action: fails, failsDirty, hangs, late
 *     kill n1 mysql              a resource dies
 *     digest n2 d2               another configuration from the next start of the daemon
 *     reload n1 d2 2s|other|swapped|without
 *                                another configuration, without a restart: keepalive 2s and ten
 *                                times that as deadtime; another failback; no address; no group
 *     n1: move mysql to n2       also standby, online, cleanup mysql, fence confirm n2
 *     n2: move mysql to n2 old because n1 burnt: with old data
 *     n1: fence n2 yes because it hangs | fence test n2
 *     n1: freeze mysql for 10s because the disk is swapped | standby n2 for 10s because ...
 *                                also unfreeze, disable, enable, restart, maintenance on|off
 *     run 5s | run until mysql started on n2 | status
 */
import type { HoldWish, OperatorRequest } from '../../src/base/control.js';
import type { StandbyScope } from '../../src/base/status.js';
import type { Effect } from '../../src/failover/effect.js';
import type { ClusterSpec } from '../../src/failover/spec.js';
import { initialState } from '../../src/failover/state.js';
import { step } from '../../src/failover/step.js';
import { viewStatus } from '../../src/failover/view.js';
import type { AgentFault, Verb } from '../../src/sim/agents.js';
import {
  databaseGroup,
  LAN_REPLICA,
  QUICK_AGENTS,
  QUICK_POWER,
  ROUTER,
} from '../../src/sim/household.js';
import type { Machine } from '../../src/sim/machine.js';
import type { Observation } from '../../src/sim/observation.js';
import type { Device, DeviceMood } from '../../src/sim/power.js';
import { World } from '../../src/sim/world.js';

/** `run until` gives up after this much virtual time. */
const UNTIL_MS_MAX = 300_000;
const LINKS = ['eth0', 'eth1', 'serial'] as const;
const EVEN = { jitterMs: 0, loss: 0, duplication: 0 };

const DRBD_FENCING = ['resource-only', 'resource-and-stonith'] as const;

/**
 * Settings of the first block: `cluster fencing=none failback=when-synced reboot ping drbd=POLICY`;
 * `levels`: two power outlets first, then the management board.
 */
function buildWorld(words: readonly string[]): World {
  const nodes = words.includes('three') ? ['n1', 'n2', 'n3'] : ['n1', 'n2'];
  const failback = words.includes('failback=when-synced') ? 'when-synced' : 'never';
  const onFailure = (['relocate', 'disable'] as const).find((w) => words.includes(`recovery=${w}`));
  return new World({
    seed: 1,
    nodes,
    groups: [
      {
        ...databaseGroup('mysql', ['n1', 'n2'], failback),
        ...(onFailure === undefined ? {} : { recovery: { onFailure } }),
      },
    ],
    heartbeat: {
      keepaliveMs: 200,
      warntimeMs: 800,
      deadtimeMs: 1_500,
      initdeadMs: 5_000,
      ping: words.includes('ping') ? [ROUTER] : [],
    },
    fenceable: words.includes('fencing=none') ? [] : nodes,
    media: [
      { name: 'eth0', quality: { delayMs: 1, ...EVEN } },
      { name: 'eth1', quality: { delayMs: 2, ...EVEN } },
      { name: 'serial', quality: { delayMs: 50, ...EVEN } },
    ],
    powerTiming: { ...QUICK_POWER, onAgainMs: words.includes('reboot') ? 4_000 : null },
    powerDevices: words.includes('levels') ? [['outlet-1', 'outlet-2'], ['board']] : undefined,
    agentTiming: QUICK_AGENTS,
    replicaTiming: LAN_REPLICA,
    bootDisk: 'UpToDate',
    drbdFencing: DRBD_FENCING.find((policy) => words.includes(`drbd=${policy}`)) ?? 'dont-care',
    bootMs: 1_000,
    writeEveryMs: 100,
    brain: { initialState, step },
  });
}

/** Plays one file: gives back the file as it should read. */
export function play(text: string): string {
  const out: string[] = [];
  const dialogue = new Dialogue();
  for (const block of text.split(/\n{2,}/)) {
    const commands = (block.split('\n----')[0] ?? '').split('\n').filter((line) => line !== '');
    if (commands.length === 0) continue;
    const answer = dialogue.answer(commands.filter((line) => !line.startsWith('#')));
    const silent = commands.every((line) => line.startsWith('#'));
    out.push(silent ? commands.join('\n') : [...commands, '----', ...answer].join('\n'));
  }
  return `${out.join('\n\n')}\n`;
}

class Dialogue {
  #world: World | null = null;
  #lines: string[] = [];

  answer(commands: readonly string[]): readonly string[] {
    this.#lines = [];
    for (const command of commands) this.#obey(command);
    return this.#lines;
  }

  get #w(): World {
    this.#world ??= this.#open([]);
    return this.#world;
  }

  #open(words: readonly string[]): World {
    const world = buildWorld(words);
    world.observe((observation, nowMs) => this.#note(observation, nowMs));
    return world;
  }

  #obey(command: string): void {
    const [verb = '', ...rest] = command.split(' ');
    if (verb.endsWith(':')) {
      this.#w.operator(verb.slice(0, -1), requestOf(rest));
      return;
    }
    const obey = this.#commands[verb];
    if (obey === undefined) throw new Error(`no such command: ${command}`);
    obey(rest);
  }

  readonly #commands: Readonly<Record<string, (words: readonly string[]) => void>> = {
    cluster: (words) => {
      this.#world = this.#open(words);
    },
    given: () => this.#given(),
    boot: (nodes) => this.#each(nodes, (machine) => machine.restorePower()),
    'power-on': (nodes) => this.#each(nodes, (machine) => machine.restorePower()),
    'power-cut': (nodes) => this.#each(nodes, (machine) => machine.cutPower()),
    'daemon-crash': (nodes) => this.#each(nodes, (machine) => machine.crashDaemon()),
    'daemon-start': (nodes) => this.#each(nodes, (machine) => machine.startDaemon()),
    leave: (nodes) => this.#each(nodes, (machine) => machine.leave()),
    stall: ([node = '', time = '']) => this.#w.machine(node).stall(durationMs(time)),
    freeze: ([node = '', time = '']) => this.#w.machine(node).freeze(durationMs(time)),
    isolate: ([node = '']) => this.#isolate(node),
    cut: ([link = '', ...nodes]) => this.#setLink(link, false, nodes),
    mend: ([link = '', ...nodes]) => this.#setLink(link, true, nodes),
    device: ([node = '', mood = '', device]) =>
      this.#w.power.setMood(node, mood as DeviceMood, (device ?? null) as Device | null),
    disk: ([node = '', what = '']) => this.#setDisk(node, what),
    fail: ([node = '', verb = '', resource = '', fault = '']) =>
      this.#w.failNext(node, 'mysql', indexOf(resource), verb as Verb, fault as AgentFault),
    kill: ([node = '', resource = '']) =>
      this.#w.machine(node).kill('mysql', indexOf(resource)),
    digest: ([node = '', digest = '']) => this.#w.machine(node).setDigest(digest),
    reload: ([node = '', digest = '', edit = '']) =>
      this.#w.machine(node).reload('reload', { digest, ...editOf(edit, this.#w.setup.heartbeat) }),
    run: ([first = '', ...rest]) =>
      first === 'until' ? this.#runUntil(rest) : this.#run(durationMs(first)),
    status: () => this.#status(),
  };

  #each(nodes: readonly string[], act: (machine: Machine) => void): void {
    for (const node of nodes) act(this.#w.machine(node));
  }

  #given(): void {
    for (const machine of Object.values(this.#w.machines)) machine.restorePower();
    this.#runUntil(['mysql', 'started', 'on', 'n1']);
    this.#run(1_000);
    this.#lines = [];
  }

  /** Cut off from every other node, on every link. */
  #isolate(node: string): void {
    for (const other of this.#w.setup.nodes) {
      if (other !== node) this.#w.network.setPair(null, node, other, false);
    }
  }

  #setLink(name: string, isUp: boolean, nodes: readonly string[]): void {
    if (name === 'everything') {
      this.#w.network.heal();
      return;
    }
    if (name === 'clients') {
      this.#each(nodes, (machine) => machine.senses.setClientNetwork(isUp));
      return;
    }
    if (name === 'replication') {
      this.#w.setReplication(isUp);
      return;
    }
    for (const link of name === 'all' ? LINKS : [name]) {
      this.#w.network.setPair(link, 'n1', 'n2', isUp);
    }
  }

  #setDisk(node: string, what: string): void {
    for (const replica of Object.values(this.#w.replicas)) {
      if (what === 'fails') replica.failDisk(node);
      else if (what === 'returns') replica.reattachDisk(node);
      else replica.replaceDisk(node);
    }
  }

  #run(forMs: number): void {
    this.#w.run(this.#w.nowMs + forMs);
  }

  #runUntil([group = '', life = '', , node = '']: readonly string[]): void {
    const reached = (): boolean => this.#w.machine(node).state?.groups[group]?.life === life;
    this.#w.run(this.#w.nowMs + UNTIL_MS_MAX, reached);
    if (!reached()) this.#lines.push(`*** ${group} is not ${life} on ${node} in time`);
  }

  #status(): void {
    for (const machine of Object.values(this.#w.machines)) {
      const { state } = machine;
      const verdict = state === null ? null : viewStatus(state, [], machine.localMs).verdict;
      const said = verdict === null ? 'no daemon' : `${verdict.state}: ${verdict.summary}`;
      this.#lines.push(`         ${machine.name} = ${said}`);
    }
  }

  #note(observation: Observation, nowMs: number): void {
    const time = (nowMs / 1_000).toFixed(3).padStart(8);
    if (observation.kind === 'answered') {
      const { id, state, message } = observation.answer;
      this.#lines.push(`${time} ${observation.node} < ${id} ${state}: ${message}`);
    }
    if (observation.kind === 'handlerEnds') {
      const { node, resource, exit } = observation;
      this.#lines.push(`${time} ${node} < fence-peer ${resource}: exit ${String(exit)}`);
    }
    if (observation.kind !== 'turned') return;
    for (const effect of observation.effects) {
      const line = lineOf(effect);
      if (line !== null) this.#lines.push(`${time} ${observation.node} ${line}`);
    }
  }
}

function editOf(edit: string, spec: ClusterSpec['heartbeat']): Partial<ClusterSpec> {
  if (edit === 'without') return { groups: [] };
  if (edit === 'other') return { groups: [databaseGroup('mysql', ['n1', 'n2'], 'when-synced')] };
  if (edit === 'swapped') {
    const group = databaseGroup('mysql', ['n1', 'n2']);
    const resources = group.resources.filter(({ kind }) => kind !== 'ip');
    return { groups: [{ ...group, resources }] };
  }
  if (edit === '') return {};
  const keepaliveMs = durationMs(edit);
  const [warntimeMs, deadtimeMs] = [5 * keepaliveMs, 10 * keepaliveMs];
  return { heartbeat: { ...spec, keepaliveMs, warntimeMs, deadtimeMs, initdeadMs: 20 * keepaliveMs } };
}

const RESOURCES = databaseGroup('mysql', ['n1', 'n2']).resources.map((resource) => resource.id);

const GLYPHS = { info: ' ', warn: '!', error: '#' } as const;

function lineOf(effect: Effect): string | null {
  if (effect.kind === 'log') return `${GLYPHS[effect.level]} ${effect.sentence}`;
  if (effect.kind === 'exit') return '> exit';
  if (effect.kind === 'outdate') return `> outdate ${effect.resource}`;
  if (effect.kind === 'run' && (effect.verb === 'start' || effect.verb === 'stop')) {
    return `> ${effect.verb} ${RESOURCES[effect.index] ?? ''}`;
  }
  return null;
}

function indexOf(word: string): number {
  const index = RESOURCES.findIndex((id) => id.split(':')[0] === word);
  if (index < 0) throw new Error(`no such resource: ${word}`);
  return index;
}

function durationMs(word: string): number {
  return word.endsWith('ms') ? Number(word.slice(0, -2)) : Number(word.slice(0, -1)) * 1_000;
}

/** `freeze mysql for 10s because the disk is swapped`: all that follows is the reason. */
function wishOf(words: readonly string[]): HoldWish {
  const [time, reason] = [words.indexOf('for'), words.indexOf('because')];
  return {
    by: 'kim',
    reason: reason < 0 ? null : words.slice(reason + 1).join(' '),
    forMs: time < 0 ? null : durationMs(words[time + 1] ?? ''),
  };
}

function holdRequestOf(words: readonly string[]): OperatorRequest | null {
  const [verb = '', group = ''] = words;
  const by = 'kim';
  switch (verb) {
    case 'freeze':
    case 'disable':
      return { kind: verb, group, ...wishOf(words) };
    case 'unfreeze':
    case 'enable':
    case 'restart':
      return { kind: verb, group, by };
    case 'maintenance':
      return group === 'off' ? { kind: 'endMaintenance', by } : { kind: verb, ...wishOf(words) };
    default:
      return null;
  }
}

function scopeOf(word: string): StandbyScope {
  return word === 'foreign' || word === 'local' ? word : 'all';
}

/** `discard r0 n2`, and the fingerprint that was looked at. */
function discardOf(words: readonly string[]): OperatorRequest {
  const [, resource = '', node = '', fingerprint = null] = words as readonly (string | null)[];
  const why = { by: 'kim', reason: 'n1 has the orders of today' };
  return { kind: 'discard', resource: resource ?? '', node: node ?? '', fingerprint, ...why };
}

/** `move mysql to n2`, or `... old because ...`: with old data. */
function moveOf(words: readonly string[]): OperatorRequest {
  const [, group = '', , to = null] = words;
  if (!words.includes('old')) return { kind: 'move', group, to };
  const { by, reason } = wishOf(words);
  return { kind: 'forceOldData', group, node: to ?? '', by, reason, loses: null };
}

function requestOf(words: readonly string[]): OperatorRequest {
  const [verb = '', first = null, second = 'all'] = words;
  const held = holdRequestOf(words);
  if (held !== null) return held;
  if (verb === 'discard') return discardOf(words);
  switch (verb) {
    case 'move':
      return moveOf(words);
    case 'standby':
      return { kind: verb, node: first, scope: scopeOf(second), ...wishOf(words) };
    case 'online':
      return { kind: verb, node: first, by: 'kim' };
    case 'cleanup':
      return { kind: 'cleanup', group: first ?? '' };
    case 'fence':
      if (first === 'test') return { kind: 'fenceTest', node: words[2] ?? null, by: 'kim' };
      if (first !== 'confirm') {
        const sure = words.includes('yes');
        return { kind: 'fence', node: first ?? '', by: 'kim', reason: wishOf(words).reason, sure };
      }
      return {
        kind: 'fenceConfirm',
        node: words[2] ?? '',
        by: 'kim',
        reason: 'I pulled the plug',
      };
    default:
      throw new Error(`no such request: ${words.join(' ')}`);
  }
}
