/**
 * Another configuration while the daemon runs, by SIGHUP or by request: read and validated first,
 * judged by the core, then taken as a whole. Whatever is wrong keeps the old one in force.
 */
import type { OperatorAnswer } from '../base/control.js';
import { formatDiagnostic, type Diagnostic } from '../base/diagnostic.js';
import type { Result } from '../base/result.js';
import { compareConfigs, type ConfigChanges } from '../config/changes.js';
import type { Config } from '../config/config.js';
import type { Engine } from './engine.js';
import type { Log } from './log.js';

/** What a reload needs of the daemon. */
export interface ReloadWorld {
  readonly read: () => Result<Config, readonly Diagnostic[]>;
  readonly engine: Engine;
  readonly log: Log;
  /** What of this machine speaks against a valid configuration, or null. */
  readonly objection: (next: Config) => string | null;
  /** Learns what the core will ask for: before the core takes the configuration. */
  readonly prepare: (next: Config) => Promise<void>;
  /** Hands and eyes for the configuration: in the moment in which the core takes it. */
  readonly use: (next: Config) => void;
  /** What may take a while: after the core has taken it. */
  readonly adopt: (next: Config, changes: ConfigChanges) => Promise<void>;
}

/** Diagnostics that an answer carries at most; the first ones say enough. */
const FAULTS_MAX = 20;

/** Reloads, one at a time. */
export class Reloader {
  readonly #world: ReloadWorld;
  #config: Config;
  #running = false;

  constructor(config: Config, world: ReloadWorld) {
    this.#config = config;
    this.#world = world;
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#config;
  }

  /** Answers at once; what takes longer is followed by the id of the answer. */
  request(dryRun: boolean): OperatorAnswer {
    const { engine, log } = this.#world;
    const id = engine.newRequestId();
    const judged = this.#judge(id);
    if ('state' in judged) {
      if (!dryRun) this.#tell(judged);
      return judged;
    }
    const { next, changes } = judged;
    const preview = engine.previewReload(id, next);
    const told = [...changes.changes, ...next.warnings.map(formatDiagnostic)];
    if (dryRun || preview.state === 'refused') {
      if (!dryRun) log.warn(preview.message);
      return { ...preview, progress: [...told, ...preview.progress] };
    }
    this.#running = true;
    const message = `Taking the configuration from ${next.files.join(', ')}`;
    const begun: OperatorAnswer = { id, state: 'accepted', message, progress: told, exit: 'ok' };
    engine.remember(begun);
    void this.#take(id, next, changes);
    return begun;
  }

  async #take(id: string, next: Config, changes: ConfigChanges): Promise<void> {
    const { engine, log, prepare, use, adopt } = this.#world;
    try {
      await prepare(next);
      // The same state answers the same: from here to the end of the turn nothing else happens.
      const preview = engine.previewReload(id, next);
      if (preview.state === 'refused') {
        engine.remember(preview);
        return;
      }
      this.#config = next;
      use(next);
      engine.reload(id, next);
      for (const change of changes.changes) log.info(`Reload: ${change}`);
      for (const warning of next.warnings) log.warn(formatDiagnostic(warning));
      await adopt(next, changes);
    } finally {
      this.#running = false;
    }
  }

  #judge(id: string): OperatorAnswer | { next: Config; changes: ConfigChanges } {
    const refused = (message: string, progress: readonly string[]): OperatorAnswer => {
      const kept = `${message}; the configuration in force stays`;
      return { id, state: 'refused', message: kept, progress, exit: 'config' };
    };
    if (this.#running) return refused('A reload is under way', []);
    const read = this.#world.read();
    if (!read.ok) {
      const errors = read.error.filter(({ severity }) => severity === 'error');
      const faults = errors.map(formatDiagnostic);
      const more = faults.length > 1 ? ` (and ${String(faults.length - 1)} more)` : '';
      return refused(`${faults[0] ?? 'It is not valid'}${more}`, faults.slice(1, FAULTS_MAX));
    }
    const changes = compareConfigs(this.#config, read.value);
    const objection = this.#world.objection(read.value);
    const objections = objection === null ? changes.objections : [...changes.objections, objection];
    if (objections.length > 0) return refused(objections.join('; '), []);
    return { next: read.value, changes };
  }

  #tell({ message, progress }: OperatorAnswer): void {
    for (const sentence of [message, ...progress]) this.#world.log.error(`Reload: ${sentence}`);
  }
}
