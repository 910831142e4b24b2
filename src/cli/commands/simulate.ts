import type { Command } from 'commander';
import { forecast, type Forecast } from '../../sim/forecast.js';
import { unrest, type KnownState } from '../../sim/resume.js';
import { CliFailure } from '../cli-failure.js';
import {
  clientOf,
  withCommonOptions,
  type CommandContext,
  type CommonOptions,
} from '../command-context.js';
import { knownState, readDump, writeDump } from '../dump-file.js';
import { injectionOf, type Wish } from '../injections.js';
import { renderForecast } from '../render-forecast.js';

interface SimulateOptions extends CommonOptions {
  readonly state?: string;
  readonly save?: string;
}

/** `tandem simulate`: the same core, on the live state or a saved one, in a world of its own. */
export function addSimulate(program: Command, context: CommandContext): void {
  const wishes: Wish[] = [];
  const wish = (option: Wish['option']) => (value: string): void => void wishes.push({ option, value });
  const command = program
    .command('simulate')
    .summary('what would happen if something failed; touches nothing')
    .description(
      'Takes the state of the cluster, lets something fail in a simulation of it, and tells what ' +
        'the same core would do, in order, and how long it would take. Touches nothing. Options ' +
        'that make something fail can be given several times; all happen at once.',
    )
    .option('--node-fail <node>', 'the power of a node fails', wish('node-fail'))
    .option('--link-fail <link>', 'a heartbeat link, or "replication"', wish('link-fail'))
    .option('--resource-fail <resource>', 'RESOURCE or GROUP/RESOURCE dies', wish('resource-fail'))
    .option('--fence-fail <node>', 'the power device of a node refuses', wish('fence-fail'))
    .option('--operator <words>', 'a command, such as "move mysql"', wish('operator'))
    .option('--state <file>', 'a saved state instead of the live one')
    .option('--save <file>', 'save the live state');
  withCommonOptions(command).action(async (options: SimulateOptions) => {
    await simulate(wishes, options, context);
  });
}

async function simulate(
  wishes: readonly Wish[],
  options: SimulateOptions,
  context: CommandContext,
): Promise<void> {
  const { console } = context;
  if (wishes.length === 0 && options.save === undefined) {
    const hint = 'say what is to happen, such as --node-fail NODE or --operator "move GROUP"';
    throw new CliFailure('usage', `Nothing is to happen: ${hint}`);
  }
  const from = await stateFrom(options);
  if (wishes.length === 0) return;
  const foretold = lookAhead(wishes, from, options.state ?? 'the state of tandemd');
  const { self } = from.state.spec;
  if (!options.json) {
    console.out(renderForecast({ forecast: foretold, self, savedAt: from.savedAt }, console.style));
    return;
  }
  const { savedAt } = from;
  const answer = { schema: 'tandem.simulation/1', self, savedAt, injected: wishes, ...foretold };
  console.out(`${JSON.stringify(answer)}\n`);
}

async function stateFrom(options: SimulateOptions): Promise<KnownState> {
  if (options.state !== undefined) {
    if (options.save === undefined) return readDump(options.state);
    throw new CliFailure('usage', '--state reads a state and --save writes the live one: use one');
  }
  const dump = await clientOf(options).dump();
  if (options.save !== undefined) await writeDump(options.save, dump);
  return knownState(dump, 'the state of tandemd');
}

function lookAhead(wishes: readonly Wish[], from: KnownState, source: string): Forecast {
  const injections = wishes.map((wish) => injectionOf(wish, from));
  try {
    const unsettled = unrest(from.state);
    if (unsettled !== null) {
      throw new CliFailure('failed', `Wait and try again: ${unsettled}, so what comes next is open`);
    }
    return forecast(from, injections);
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('noInput', `${source} is not a state that can be gone on from: ${reason}`);
  }
}
