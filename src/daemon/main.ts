#!/usr/bin/env node
/** `tandemd`: reads its configuration, runs in the foreground, leaves cleanly on SIGTERM. */
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { formatDiagnostic, type Diagnostic } from '../base/diagnostic.js';
import { EXIT } from '../base/exit-codes.js';
import { readConfiguration } from '../host/configuration.js';
import { loadRunner } from '../host/exec.js';
import { systemClock } from './clock.js';
import { startDaemon, type Daemon } from './daemon.js';
import { createLog, type LogLevel } from './log.js';

const USAGE = `Usage: tandemd [options]

Keeps the configured groups of resources alive on this node, in the foreground.

  --config DIR      where cluster.yaml, or ha.cf and haresources, and authkeys
                    and resource.d are
                    (default: /etc/tandem, else /etc/ha.d)
  --state DIR       what survives a restart (default: /var/lib/tandem)
  --run DIR         the control socket (default: /run/tandem)
  --log DIR         output of the servers that are started (default: /var/log/tandem)
  --node NAME       this node's name (default: uname -n)
  --log-level LEVEL debug, info, warn or error (default: info)
  --check           check the configuration, start nothing
  --help            this text

SIGHUP: read the configuration again; if it is not valid, the one in force stays.
SIGTERM and SIGINT: stop what runs here, say the last word, end with 0. A second one ends at once.
Exit codes: 0 left cleanly, 1 ended without leaving, 64 usage, 70 defect, 78 configuration.
`;

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

interface Options {
  readonly config: string | null;
  readonly folders: { readonly state: string; readonly run: string; readonly log: string };
  readonly node: string;
  readonly level: LogLevel;
  readonly check: boolean;
}

function readOptions(argv: readonly string[]): Options | { readonly exit: number; readonly text: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        config: { type: 'string' },
        state: { type: 'string', default: '/var/lib/tandem' },
        run: { type: 'string', default: '/run/tandem' },
        log: { type: 'string', default: '/var/log/tandem' },
        node: { type: 'string', default: hostname() },
        'log-level': { type: 'string', default: 'info' },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { exit: EXIT.ok, text: USAGE };
    const level = LEVELS.find((known) => known === values['log-level']);
    if (level === undefined) {
      const text = `tandemd: --log-level: one of ${LEVELS.join(', ')} was expected\n`;
      return { exit: EXIT.usage, text };
    }
    const folders = { state: values.state, run: values.run, log: values.log };
    const node = values.node.toLowerCase();
    return { config: values.config ?? null, folders, node, level, check: values.check };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { exit: EXIT.usage, text: `tandemd: ${reason}\nTry: tandemd --help\n` };
  }
}

function complain(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
}

/** Catches the signals from now on; those to leave wait until there is something to be left. */
function catchSignals(): (daemon: Pick<Daemon, 'leave' | 'reload'>) => void {
  let waiting = 0;
  let onLeave = (): void => {
    waiting += 1;
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => onLeave());
  // Before there is a daemon the files are about to be read anyway.
  let onReload = (): void => undefined;
  process.on('SIGHUP', () => onReload());
  return ({ leave, reload }) => {
    onLeave = leave;
    onReload = reload;
    for (; waiting > 0; waiting -= 1) leave();
  };
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if ('exit' in options) {
    (options.exit === EXIT.ok ? process.stdout : process.stderr).write(options.text);
    return options.exit;
  }
  const config = readConfiguration(options.config, options.node);
  if (!config.ok) {
    complain(config.error);
    process.stderr.write('tandemd: the configuration is not valid; nothing was started\n');
    return EXIT.config;
  }
  complain(config.value.warnings);
  if (options.check) {
    process.stdout.write(`The configuration is valid (digest ${config.value.digest})\n`);
    return EXIT.ok;
  }
  const log = createLog({ level: options.level });
  log.info(`tandemd starts on ${options.node}`, { digest: config.value.digest });
  const listen = catchSignals();
  await loadRunner();
  const daemon = await startDaemon(config.value, options.folders, systemClock(), log, () =>
    readConfiguration(options.config, options.node),
  );
  if (!daemon.ok) {
    log.error(daemon.error);
    return EXIT.failed;
  }
  listen(daemon.value);
  const code = await daemon.value.ended;
  log.info(code === EXIT.ok ? 'tandemd has left cleanly' : 'tandemd ends');
  return code;
}

// Opened once, standard error does not block any more: the log writes to it from the event loop, and
// a reader that stands still must cost lines (log.ts counts them), not heartbeats.
process.stderr.on('error', () => undefined);
process.on('uncaughtException', (error) => {
  process.stderr.write(`tandemd: defect: ${error.stack ?? error.message}\n`);
  process.exit(EXIT.software);
});
process.exit(await main());
