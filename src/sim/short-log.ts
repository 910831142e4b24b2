/**
 * One line for each change of state, in fixed columns:
 *
 *     seconds node glyph  what
 *      12.345 n2   *      n2 fences n1
 *
 * Glyphs: `!` a hand of the world, `+` power, `-` daemon, `#` active, `=` serving, `<` an answer,
 * `>` an action or a shot, space a sentence of the core.
 */
import type { Observation, Observer } from './observation.js';

/** Writes the log of a run line by line. */
export function shortLog(write: (line: string) => void): Observer {
  return (seen, nowMs) => {
    const time = (nowMs / 1_000).toFixed(3).padStart(9);
    for (const [node, glyph, what] of linesOf(seen)) {
      write(`${time} ${node.padEnd(3)} ${glyph} ${what}`);
    }
  };
}

type Line = readonly [node: string, glyph: string, what: string];
type Of<Kind extends Observation['kind']> = Extract<Observation, { kind: Kind }>;

const DISK_WORDS = {
  failed: 'breaks',
  reattached: 'answers again',
  replaced: 'is replaced by an empty one',
} as const;

/** The lines of one observation; those that come with every heartbeat have none. */
const LINES: { readonly [Kind in Observation['kind']]: (seen: Of<Kind>) => readonly Line[] } = {
  clientNetwork: ({ node, isUp }) => [[node, '!', `reaches the clients: ${String(isUp)}`]],
  clockStep: ({ node, byMs }) => [[node, '!', `the wall clock is set by ${String(byMs)} ms`]],
  configured: ({ node, digest }) => [[node, '-', `configuration ${digest}`]],
  disk: ({ node, resource, what }) => [[node, '!', `the disk of ${resource} ${DISK_WORDS[what]}`]],
  reconnect: ({ node, resource, step }) => [[node, '>', `${step} ${resource}`]],
  discarded: ({ node, resource, survivor }) => [
    [node, '!', `what only ${node} has of ${resource} is lost, it takes that of ${survivor}`],
  ],
  synced: ({ to, resource, from }) => [[to, '+', `${resource} is as on ${from}`]],
  power: (seen) => [[seen.node, '+', seen.on ? 'on' : 'off']],
  watchdogReset: ({ node, because }) => [[node, '!', `reset by its watchdog (${because})`]],
  daemon: (seen) => [
    [seen.node, '-', `daemon ${seen.what} (generation ${String(seen.generation)})`],
  ],
  active: (seen) => [[seen.node, '#', `${seen.group} ${seen.active ? 'active' : 'not active'}`]],
  serving: (seen) => [
    [seen.node, '=', `${seen.group} ${seen.serving ? 'serves' : 'serves no more'}`],
  ],
  promotion: (seen) => [
    [seen.node, '>', `promote ${seen.resource} (${seen.disk})${seen.done ? '' : ' refused'}`],
  ],
  cutOff: ({ node, resource }) => [[node, '>', `cuts off the other half of ${resource}`]],
  actionBegins: ({ node, verb, group, index }) =>
    verb === 'start' || verb === 'stop' ? [[node, '>', `${verb} ${group}/${String(index)}`]] : [],
  actionEnds: ({ node, verb, group, index, outcome }) =>
    outcome === 'ok' ? [] : [[node, '>', `${verb} ${group}/${String(index)} ${outcome}`]],
  fence: (seen) => [[seen.by, '>', `${seen.step} ${seen.node}`]],
  fenceEnds: (seen) => [[seen.by, '>', `${seen.step} ${seen.node}: ${seen.outcome}`]],
  device: ({ by, node, device, outcome }) =>
    device === 'board' ? [] : [[by, '>', `${device} of ${node}: ${outcome}`]],
  handlerEnds: (seen) => [
    [seen.node, '<', `fence-peer ${seen.resource}: exit ${String(seen.exit)}`],
  ],
  resumed: ({ node, resource, by }) => [[node, '>', `resume-io ${resource} (${by})`]],
  outdating: (seen) => [[seen.node, '>', `outdate ${seen.resource}`]],
  answered: (seen) => [[seen.node, '<', `${seen.answer.state}: ${seen.answer.message}`]],
  turned: (seen) =>
    seen.effects.flatMap((effect): Line[] =>
      effect.kind === 'log' ? [[seen.node, ' ', effect.sentence]] : [],
    ),
  fault: (seen) => [['', '!', seen.what]],
  acknowledged: () => [],
  asked: () => [],
  connected: () => [],
  demotion: () => [],
  fateKnown: () => [],
  heard: () => [],
  heardForeign: () => [],
  sent: () => [],
};

function linesOf(seen: Observation): readonly Line[] {
  return (LINES[seen.kind] as (seen: Observation) => readonly Line[])(seen);
}
