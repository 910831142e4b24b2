/** What `tandem simulate` lets happen, from words of the command line; bad words are named. */
import type { OperatorRequest } from '../base/control.js';
import { nearestWord } from '../base/diagnostic.js';
import type { Injection } from '../sim/forecast.js';
import type { KnownState } from '../sim/resume.js';
import { CliFailure } from './cli-failure.js';

/** An option with its value, as typed. */
export interface Wish {
  readonly option: 'node-fail' | 'link-fail' | 'resource-fail' | 'fence-fail' | 'operator';
  readonly value: string;
}

/** DRBD's own link, which has no name in the configuration. */
const REPLICATION = 'replication';

/** The injection that a wish means in this cluster. */
export function injectionOf(wish: Wish, { state, links }: KnownState): Injection {
  const { nodes } = state.spec;
  switch (wish.option) {
    case 'node-fail':
      return { kind: 'nodeFails', node: known(wish.value, 'node', nodes) };
    case 'link-fail':
      return { kind: 'linkFails', link: known(wish.value, 'link', [...links, REPLICATION]) };
    case 'fence-fail':
      return { kind: 'fencingFails', node: known(wish.value, 'node', nodes) };
    case 'resource-fail':
      return resourceFails(wish.value, state);
    case 'operator':
      return { kind: 'operator', ...operatorRequest(wish.value, state) };
  }
}

function known(word: string, what: string, names: readonly string[]): string {
  if (names.includes(word)) return word;
  const nearest = nearestWord(word, names);
  const hint = nearest === undefined ? `there is: ${names.join(', ')}` : `did you mean ${nearest}?`;
  throw new CliFailure('noSuch', `There is no ${what} "${word}" (${hint})`);
}

/** `GROUP/RESOURCE`, or the resource alone where one group has it. */
function resourceFails(word: string, state: KnownState['state']): Injection {
  const all = state.spec.groups.flatMap((group) =>
    group.resources.map(({ id, kind }, index) => ({ group: group.name, index, id, kind })),
  );
  const found = all.filter(({ group, id }) => word === id || word === `${group}/${id}`);
  const [one, second] = found;
  if (one === undefined) {
    known(word, 'resource', all.map(({ group, id }) => `${group}/${id}`));
    throw new CliFailure('noSuch', `There is no resource "${word}"`);
  }
  if (second !== undefined) {
    const names = found.map(({ group, id }) => `${group}/${id}`).join(' or ');
    throw new CliFailure('usage', `Several groups have a resource "${word}": say ${names}`);
  }
  if (one.kind === 'drbd') {
    const instead = '--link-fail replication or --node-fail';
    throw new CliFailure('usage', `${one.id} lives in the kernel and does not die alone: use ${instead}`);
  }
  return { kind: 'resourceFails', group: one.group, index: one.index };
}

const VERBS = ['move', 'standby', 'online', 'cleanup'] as const;

function operatorRequest(
  words: string,
  { spec }: KnownState['state'],
): { readonly request: OperatorRequest; readonly words: string } {
  const typed = words.trim().split(/\s+/).filter((word) => word !== '--to' && word !== 'tandem');
  const [verb = '', first, second, ...rest] = typed;
  const kind = VERBS.find((one) => one === known(verb, 'command', VERBS));
  const groups = spec.groups.map((group) => group.name);
  const node = (word: string | undefined): string | null =>
    word === undefined ? null : known(word, 'node', spec.nodes);
  const group = (word: string | undefined): string => {
    if (word === undefined) throw new CliFailure('usage', `--operator "${verb}" needs a group`);
    return known(word, 'group', groups);
  };
  const tooMany = kind === 'move' ? rest[0] : second;
  if (tooMany !== undefined) {
    throw new CliFailure('usage', `--operator "${words}": "${tooMany}" is one word too many`);
  }
  switch (kind) {
    case 'move':
      return { request: { kind, group: group(first), to: node(second) }, words: words.trim() };
    case 'cleanup':
      return { request: { kind, group: group(first) }, words: words.trim() };
    case 'standby':
    case 'online':
      return { request: { kind, node: node(first) }, words: words.trim() };
    case undefined:
      throw new CliFailure('usage', `--operator "${words}" is no command`);
  }
}
