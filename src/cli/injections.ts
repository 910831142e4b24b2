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

type Request = OperatorRequest;

/** What a person is called who asks in a simulation. */
const BY = 'simulation';
const HOLD = { by: BY, reason: null, forMs: null } as const;

/** A command and what its words mean: groups and nodes are checked by the functions given. */
const COMMANDS: Readonly<Record<string, (words: Words) => Request>> = {
  move: (words) => ({ kind: 'move', group: words.group(), to: words.nodeIfAny() }),
  standby: (words) => ({ kind: 'standby', node: words.nodeIfAny() }),
  online: (words) => ({ kind: 'online', node: words.nodeIfAny() }),
  cleanup: (words) => ({ kind: 'cleanup', group: words.group() }),
  restart: (words) => ({ kind: 'restart', group: words.group(), by: BY }),
  disable: (words) => ({ kind: 'disable', group: words.group(), ...HOLD }),
  enable: (words) => ({ kind: 'enable', group: words.group(), by: BY }),
  freeze: (words) => ({ kind: 'freeze', group: words.group(), ...HOLD }),
  unfreeze: (words) => ({ kind: 'unfreeze', group: words.group(), by: BY }),
  maintenance: (words) =>
    words.oneOf('on', 'off') === 'on'
      ? { kind: 'maintenance', ...HOLD }
      : { kind: 'endMaintenance', by: BY },
};

/** The words after a command, taken one by one. */
class Words {
  readonly #words: string[];
  readonly #spec: KnownState['state']['spec'];
  readonly #command: string;

  constructor(command: string, words: readonly string[], spec: KnownState['state']['spec']) {
    this.#command = command;
    this.#words = [...words];
    this.#spec = spec;
  }

  group(): string {
    return known(this.#next('a group'), 'group', this.#spec.groups.map((group) => group.name));
  }

  nodeIfAny(): string | null {
    return this.#words.length === 0 ? null : known(this.#next('a node'), 'node', this.#spec.nodes);
  }

  oneOf(...words: readonly string[]): string {
    return known(this.#next(words.join(' or ')), 'word', words);
  }

  end(): void {
    const [extra] = this.#words;
    if (extra === undefined) return;
    throw new CliFailure('usage', `--operator "${this.#command}": "${extra}" is one word too many`);
  }

  #next(what: string): string {
    const word = this.#words.shift();
    if (word !== undefined) return word;
    throw new CliFailure('usage', `--operator "${this.#command}" needs ${what}`);
  }
}

function operatorRequest(
  words: string,
  { spec }: KnownState['state'],
): { readonly request: Request; readonly words: string } {
  const typed = words.trim().split(/\s+/).filter((word) => word !== '--to' && word !== 'tandem');
  const command = known(typed[0] ?? '', 'command', Object.keys(COMMANDS));
  const rest = new Words(command, typed.slice(1), spec);
  const request = COMMANDS[command]?.(rest);
  rest.end();
  if (request === undefined) throw new CliFailure('usage', `--operator "${words}" is no command`);
  return { request, words: words.trim() };
}
