// Two nodes that are kept apart, write each for itself, and meet again; and what inspect then says.

import type { LabNode } from '../node.js';
import { waitForDrbd } from '../storage.js';
import { PATIENCE, type Stage } from './stage.js';

/** What `tandem split-brain inspect --json` tells, as far as facts are about it. */
export type Account = {
  readonly verdict: string;
  readonly isSplitBrain: boolean;
  readonly sentence: string;
  readonly advice: readonly string[];
  readonly sides: readonly {
    readonly node: string;
    readonly role: string;
    readonly disk: string;
    readonly aloneSince: { readonly at: string; readonly source: string } | null;
    readonly primaryWhenLinkBroke: boolean | null;
    readonly changedBytes: number | null;
    readonly databaseSentence: string;
  }[];
  readonly newer: { readonly node: string | null; readonly evidence: readonly string[] };
  readonly policies: { readonly sentence: string } | null;
};

/** How a command ended on a node. */
export type Ran = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

const COMMAND_LIMIT = { timeoutMs: 90_000 } as const;

/** Runs `tandem split-brain WORDS`. */
export async function splitBrain(node: LabNode, words: string): Promise<Ran> {
  return node.exec(`tandem split-brain ${words}`, COMMAND_LIMIT);
}

/** The account of r0. `words` are more options. */
export async function inspect(
  node: LabNode,
  words = '',
): Promise<{ readonly ran: Ran; readonly account: Account }> {
  const ran = await splitBrain(node, `inspect r0 --json ${words}`);
  return { ran, account: JSON.parse(ran.stdout) as Account };
}

/** Cuts DRBD's own link, and waits until both sides have noticed. */
export async function cutReplication(stage: Stage): Promise<void> {
  await stage.lab.setLink(stage.n1, 'replication', 'down');
  for (const node of stage.lab.nodes) await waitForDrbd(node, 'cs:WFConnection', PATIENCE.timeoutMs);
}

/** Whoever finds it out first gives up; the other does, too, or waits for it in WFConnection. */
export async function healToStandAlone(stage: Stage): Promise<void> {
  await stage.lab.setLink(stage.n1, 'replication', 'up');
  await stage.waitFor('DRBD to refuse the connection', async () => {
    const texts = await Promise.all(stage.lab.nodes.map((node) => node.readFile('/proc/drbd')));
    const hasGivenUp = texts.some((text) => text.includes('cs:StandAlone'));
    return hasGivenUp && texts.every((text) => /cs:(StandAlone|WFConnection)/.test(text));
  });
}
