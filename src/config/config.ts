import type { Diagnostic } from '../base/diagnostic.js';
import type { Keyring } from '../heartbeat/keyring.js';
import type { LinkSpec } from '../heartbeat/link-spec.js';
import type { PingTarget } from '../heartbeat/ping.js';
import type { GroupSpec } from '../resources/spec.js';

/** The timing of the heartbeat, all in milliseconds. */
export interface HeartbeatConfig {
  readonly keepaliveMs: number;
  readonly warntimeMs: number;
  readonly deadtimeMs: number;
  readonly initdeadMs: number;
  readonly udpPort: number;
  readonly links: readonly LinkSpec[];
  /** Hosts whose answer shows that this node's own network works. */
  readonly ping: readonly PingTarget[];
  /** An address that does not answer for so long is silent. */
  readonly deadpingMs: number;
}

/** One way to make sure that a node is off: an agent in the fence-agents calling convention. */
export interface FenceDevice {
  /** A name looked up in the agent directories, or an absolute path. */
  readonly agent: string;
  /** What the agent reads on standard input, as configured, without secrets. */
  readonly params: Readonly<Record<string, string>>;
  /** Parameters whose value is the content of a file, read when the agent is run: name -> path. */
  readonly paramFiles: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /**
   * Devices of one level are used together, and all must succeed; the next level is tried when one
   * of them fails. Without levels every device is one of its own. All devices of a node have one,
   * or none.
   */
  readonly level?: number;
  /** False leaves the node off; otherwise it is switched on again once it is confirmed off. */
  readonly reboot?: false;
}

/** One validated configuration, whatever files it came from. Immutable. */
export interface Config {
  readonly source: 'heartbeat' | 'native';
  /** The files it was read from. */
  readonly files: readonly string[];
  readonly cluster: string;
  /** All nodes in configured order, lower case. */
  readonly nodes: readonly string[];
  readonly self: string;
  readonly heartbeat: HeartbeatConfig;
  readonly keyring: Keyring;
  /** The watchdog device that resets a node which has lost itself (S6); null for none. */
  readonly watchdog: string | null;
  /** Node name -> devices in the order of their levels. A node without an entry cannot be fenced. */
  readonly fencing: Readonly<Record<string, readonly FenceDevice[]>>;
  readonly groups: readonly GroupSpec[];
  /** 16 hex digits over all that must be equal on every node (S9). */
  readonly digest: string;
  /** What is accepted but worth saying: deprecated words, weak signatures, no fencing. */
  readonly warnings: readonly Diagnostic[];
}
