import { Option, type Command } from 'commander';
import { nearestWord } from '../../base/diagnostic.js';
import type { WhyAnswer } from '../../base/why.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  named,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { renderWhy } from '../render-why.js';
import { folded } from '../text.js';

interface WhyOptions extends CommonOptions {
  readonly stateFile: string;
}

/** `tandem why [GROUP|NODE]`: the decision, its evidence, the other options, the blockers. */
export function addWhy(program: Command, context: CommandContext): void {
  const command = program
    .command('why')
    .summary('why a group is where it is, and a node counts as it does')
    .description(
      'The sentence of the decision, what it rests on, each other node with the reason against ' +
        'it, and what stands in the way. Without tandemd: what it had saved.',
    )
    .argument('[name]', 'a group or a node; default: all groups')
    .addOption(
      new Option('--state-file <path>').default('/var/lib/tandem/state.json').hideHelp(),
    );
  withCommonOptions(command).action(async (name: string | undefined, options: WhyOptions) => {
    await why(name === undefined ? null : named(name, 'the name'), options, context);
  });
}

async function why(
  name: string | null,
  options: WhyOptions,
  context: CommandContext,
): Promise<void> {
  let answer: WhyAnswer;
  try {
    answer = await clientOf(options).why();
  } catch (error) {
    if (!(error instanceof CliFailure) || error.exit !== 'daemonDown') throw error;
    await whyOffline(error, options, context);
    return;
  }
  const { console } = context;
  const chosen = chosenFrom(answer, name);
  console.out(
    options.json
      ? `${JSON.stringify({ ...answer, ...chosen })}\n`
      : renderWhy(chosen, console.style),
  );
}

function chosenFrom(answer: WhyAnswer, name: string | null): Pick<WhyAnswer, 'groups' | 'nodes'> {
  if (name === null) return { groups: answer.groups, nodes: [] };
  const groups = answer.groups.filter((group) => group.name === name);
  const nodes = answer.nodes.filter((node) => node.name === name);
  if (groups.length + nodes.length > 0) return { groups, nodes };
  const known = [...answer.groups, ...answer.nodes].map((one) => one.name);
  const nearest = nearestWord(name, known);
  const hint = nearest === undefined ? `there is: ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new CliFailure('noSuch', `There is no group or node "${name}" (${hint})`);
}

/** Without the daemon: nothing about the cluster, but what this node must not forget. */
async function whyOffline(
  { message, exit }: CliFailure,
  options: WhyOptions,
  context: CommandContext,
): Promise<void> {
  const { console } = context;
  const saved = await readSaved(options.stateFile);
  if (options.json) {
    const daemon = { running: false, reason: message };
    const answer = { schema: 'tandem.why/1', self: null, groups: [], nodes: [], daemon, saved };
    console.out(`${JSON.stringify(answer)}\n`);
  } else {
    const lines = [
      ...folded(console.style, 0, `UNKNOWN: ${message}`),
      '',
      'What it had saved',
      ...saved.flatMap((sentence) => folded(console.style, 2, sentence)),
    ];
    console.out(`${lines.join('\n')}\n`);
  }
  context.exit(exit);
}

async function readSaved(path: string): Promise<readonly string[]> {
  const [{ readFile }, { savedSentences }] = await Promise.all([
    import('node:fs/promises'),
    import('../saved-facts.js'),
  ]);
  try {
    return savedSentences(await readFile(path, 'utf8'), path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return [code === 'ENOENT' ? `${path} is not there: tandemd never ran here` : message];
  }
}
