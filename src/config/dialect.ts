/**
 * In which words, defaults and severities the two formats differ. All else about them is one code.
 */
export interface Dialect {
  /** What holds when the file is silent. */
  readonly keepaliveMs: number;
  readonly deadtimeMs: number;
  /** What a password in the file itself is. */
  readonly literalSecret: 'warning' | 'error';
  /** How a file with the secret is named instead, for a parameter of that name. */
  readonly secretFile: (name: string) => string;
  /** Where nodes are listed: `a "node" line`. */
  readonly nodes: string;
  /** An example of it. */
  readonly nodesExample: string;
  /** How this machine is missing there: `no "node" line names`. */
  readonly nodesLack: string;
  /** How it would be listed. */
  readonly nodeExample: (name: string) => string;
  /** Where a group's nodes are looked up: `in ha.cf`. */
  readonly nodesPlace: string;
  /** What a link looks like. */
  readonly linkExamples: string;
  /** What may have gone wrong when a time is very long; null for nothing. */
  readonly timeCure: string | null;
  /** How one node is fenced by its own entry. */
  readonly fenceEach: string;
  /** How every node gets a device. */
  readonly fenceExample: string;
  /** Where the resources of a group stand: `on this line`. */
  readonly groupPlace: string;
  /** What makes a DRBD device Primary, and where it stands. */
  readonly drbdBefore: string;
}

/** ha.cf and haresources. */
export const HEARTBEAT_DIALECT: Dialect = {
  keepaliveMs: 1_000,
  deadtimeMs: 30_000,
  literalSecret: 'warning',
  secretFile: (name) => `${name}_file=/PATH`,
  nodes: 'a "node" line',
  nodesExample: '"node NAME NAME"',
  nodesLack: 'no "node" line names',
  nodeExample: (name) => `"node ${name}"`,
  nodesPlace: 'in ha.cf',
  linkExamples: '"bcast eth1", "ucast eth0 10.0.0.2", "serial /dev/ttyS0" or "mcast ..."',
  timeCure: 'no unit means seconds: write 500ms',
  fenceEach: 'one "fence" line for each node',
  fenceExample: '"fence NODE AGENT name=value ..." for each node',
  groupPlace: 'on this line',
  drbdBefore: '"drbddisk::RESOURCE" to the left of it',
};

/**
 * cluster.yaml. Its timing suits machines that are watched by Tandem alone: a silent node is
 * noticed after 1.5 s, seven heartbeats, where Heartbeat waited for thirty seconds.
 */
export const NATIVE_DIALECT: Dialect = {
  keepaliveMs: 200,
  deadtimeMs: 1_500,
  literalSecret: 'error',
  secretFile: (name) => `${name}_file: /PATH`,
  nodes: 'a "nodes" list',
  nodesExample: '"nodes: [NAME, NAME]"',
  nodesLack: '"nodes" does not name',
  nodeExample: (name) => `"${name}" into "nodes"`,
  nodesPlace: 'in "nodes"',
  linkExamples: '"links: [{ bcast: eth1 }, { serial: /dev/ttyS0 }]" under "heartbeat"',
  timeCure: null,
  fenceEach: 'an entry for each node',
  fenceExample: '"NODE: [{ agent: AGENT, ... }]" under "fencing" for each node',
  groupPlace: 'in this group',
  drbdBefore: '"drbd: RESOURCE" above it',
};
