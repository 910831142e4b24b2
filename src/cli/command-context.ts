import type { Command } from 'commander';
import { EXIT, type ExitName } from '../base/exit-codes.js';
import { CliFailure } from './cli-failure.js';
import { createClient, type Client } from './client.js';
import type { Console } from './console.js';

/** What every command gets to work with. */
export interface CommandContext {
  readonly console: Console;
  /** Sets the exit code of the program by its name in the catalogue. */
  exit(name: ExitName): void;
  /** Sets an exit code that somebody else has defined: DRBD, for its handlers. */
  exitWith(code: number): void;
}

/** Options that every command takes. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly socket: string;
}

export const SOCKET_DEFAULT = '/run/tandem/tandem.sock';

/** Adds the options that every command takes. */
export function withCommonOptions(command: Command): Command {
  return withSocketOption(command.option('--json', 'print JSON for programs'));
}

/** Adds the option that says where tandemd listens. */
export function withSocketOption(command: Command): Command {
  const fromEnvironment = process.env['TANDEM_SOCKET'] ?? '';
  return command.option(
    '--socket <path>',
    'control socket of tandemd (environment: TANDEM_SOCKET)',
    fromEnvironment === '' ? SOCKET_DEFAULT : fromEnvironment,
  );
}

/** A client for the socket that the options name. */
export function clientOf(options: Pick<CommonOptions, 'socket'>): Client {
  if (options.socket === '') throw new CliFailure('usage', 'option --socket needs a path');
  return createClient(options.socket);
}

/** Refuses an empty or blank argument, which a script with an unset variable passes. */
export function named(argument: string, what: string): string {
  if (argument.trim() === '') throw new CliFailure('usage', `${what} is empty`);
  return argument;
}

/** A name that came over the wire, if the catalogue has it. */
export function exitName(name: string): ExitName {
  return Object.hasOwn(EXIT, name) ? (name as ExitName) : 'failed';
}
