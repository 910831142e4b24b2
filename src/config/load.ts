/**
 * From cluster.yaml, or the three files of /etc/ha.d, to one Config. The files are read elsewhere; here is only
 * text, so that `tandemd --check`, the daemon and the tests see the same faults in the same words.
 */
import type { Diagnostic } from '../base/diagnostic.js';
import { err, ok, type Result } from '../base/result.js';
import type { Keyring } from '../heartbeat/keyring.js';
import type { GroupSpec } from '../resources/spec.js';
import { parseAuthkeys } from './authkeys.js';
import type { Cluster } from './cluster-checks.js';
import { parseClusterYaml } from './cluster-yaml.js';
import type { Config } from './config.js';
import { HEARTBEAT_DIALECT, NATIVE_DIALECT, type Dialect } from './dialect.js';
import { configDigest } from './digest.js';
import { parseHaCf, type HaCf } from './ha-cf.js';
import { parseHaresources } from './haresources.js';
import { createReporter, hasErrors, type Parsed } from './reporter.js';
import { quote, WHOLE_FILE, type SourceFile } from './source-text.js';

/** The files of Heartbeat, each null when it is not there, and what else has to be known. */
export interface HeartbeatFiles {
  /** `uname -n` of this machine. */
  readonly self: string;
  /** Where they were looked for, to name the missing ones. */
  readonly directory: string;
  readonly haCf: SourceFile | null;
  readonly haresources: SourceFile | null;
  readonly authkeys: SourceFile | null;
  /** Names of the executable files in /etc/ha.d/resource.d of this machine. */
  readonly existingScripts: readonly string[];
}

/** What Heartbeat's files are called. */
const FILE_NAMES = { haCf: 'ha.cf', haresources: 'haresources', authkeys: 'authkeys' } as const;

/** How to make a signing file; the secret is the operator's own. */
const AUTHKEYS_CURE = 'write "auth 1" and "1 sha256 SECRET" with a long random word, mode 0600';

/** Tandem's own file, and what else has to be known. */
export interface NativeFiles {
  /** `uname -n` of this machine. */
  readonly self: string;
  /** Where they were looked for, to name the missing one. */
  readonly directory: string;
  readonly clusterYaml: SourceFile;
  readonly authkeys: SourceFile | null;
}

/**
 * Builds the configuration from Heartbeat's files. When anything is wrong, all faults and
 * warnings of all files are returned together; else the warnings are in the Config.
 */
export function buildHeartbeatConfig(
  files: HeartbeatFiles,
): Result<Config, readonly Diagnostic[]> {
  const { haCf, groups, keyring, diagnostics } = parseAll(files);
  if (hasErrors(diagnostics) || haCf === null || keyring === null) return err(diagnostics);
  const { self, authkeys } = files;
  return ok(
    configOf({
      source: 'heartbeat',
      files: [files.haCf, files.haresources, authkeys].filter((file) => file !== null),
      self,
      cluster: haCf,
      groups,
      keyring,
      diagnostics,
      dialect: HEARTBEAT_DIALECT,
    }),
  );
}

/** Builds the configuration from cluster.yaml and authkeys, in the same way. */
export function buildNativeConfig(files: NativeFiles): Result<Config, readonly Diagnostic[]> {
  const { self, clusterYaml } = files;
  const cluster = parseClusterYaml(clusterYaml, self);
  const authkeys = parseKeys(files.directory, files.authkeys);
  const diagnostics = [...cluster.diagnostics, ...authkeys.diagnostics];
  if (hasErrors(diagnostics) || cluster.value === null || authkeys.value === null) {
    return err(diagnostics);
  }
  return ok(
    configOf({
      source: 'native',
      files: [clusterYaml, files.authkeys].filter((file) => file !== null),
      self,
      cluster: cluster.value,
      groups: cluster.value.groups,
      keyring: authkeys.value,
      diagnostics,
      dialect: NATIVE_DIALECT,
    }),
  );
}

/** All parts of a valid configuration. */
interface Parts {
  readonly source: Config['source'];
  /** The first is the one that says how nodes are fenced. */
  readonly files: readonly SourceFile[];
  readonly self: string;
  readonly cluster: Cluster;
  readonly groups: readonly GroupSpec[];
  readonly keyring: Keyring;
  readonly diagnostics: readonly Diagnostic[];
  readonly dialect: Dialect;
}

/** The one place where a Config is made, whatever it was read from. */
function configOf({ source, files, self, groups, keyring, ...parts }: Parts): Config {
  const { cluster, nodes, heartbeat, fencing, watchdog } = parts.cluster;
  const unfenced = unfencedNodes(files[0]?.path ?? '', nodes, fencing, parts.dialect);
  return {
    source,
    files: files.map((file) => file.path),
    cluster,
    nodes,
    self: self.toLowerCase(),
    heartbeat,
    keyring,
    watchdog,
    fencing,
    groups,
    digest: configDigest({ cluster, nodes, heartbeat, fencing, groups }),
    warnings: [...parts.diagnostics, ...unfenced],
  };
}

interface ParsedFiles {
  readonly haCf: HaCf | null;
  readonly groups: readonly GroupSpec[];
  readonly keyring: Keyring | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Each file in its turn, also after faults in the one before: all faults in one go. */
function parseAll(files: HeartbeatFiles): ParsedFiles {
  const haCf =
    files.haCf === null
      ? missing(files.directory, 'haCf', 'tells the nodes and their links', null)
      : parseHaCf(files.haCf, files.self);
  const context = {
    nodes: haCf.value?.nodes ?? null,
    failback: haCf.value?.failback ?? 'never',
    existingScripts: files.existingScripts,
  } as const;
  const haresources =
    files.haresources === null
      ? missing(files.directory, 'haresources', 'tells the groups', [])
      : parseHaresources(files.haresources, context);
  const authkeys = parseKeys(files.directory, files.authkeys);
  return {
    haCf: haCf.value,
    groups: haresources.value,
    keyring: authkeys.value,
    diagnostics: [...haCf.diagnostics, ...haresources.diagnostics, ...authkeys.diagnostics],
  };
}

function parseKeys(directory: string, file: SourceFile | null): Parsed<Keyring | null> {
  if (file === null) return missing(directory, 'authkeys', 'signs the heartbeats', null);
  return parseAuthkeys(file);
}

function missing<T>(
  directory: string,
  file: keyof typeof FILE_NAMES,
  purpose: string,
  value: T,
): Parsed<T> {
  const report = createReporter(`${directory}/${FILE_NAMES[file]}`);
  const cure = file === 'authkeys' ? AUTHKEYS_CURE : undefined;
  report.error(WHOLE_FILE, 'The file is missing', `the file that ${purpose}`, cure);
  return { value, diagnostics: report.diagnostics };
}

/** Says which nodes nothing can switch off, and what that means. */
function unfencedNodes(
  file: string,
  nodes: readonly string[],
  fencing: Config['fencing'],
  dialect: Dialect,
): readonly Diagnostic[] {
  const unfenced = nodes.filter((node) => (fencing[node] ?? []).length === 0);
  if (unfenced.length === 0 || nodes.length < 2) return [];
  const report = createReporter(file);
  const names = unfenced.map(quote).join(' and ');
  const message = `Nothing can fence ${names}: a silent node may still write during a takeover`;
  report.warning(WHOLE_FILE, message, dialect.fenceExample);
  return report.diagnostics;
}
