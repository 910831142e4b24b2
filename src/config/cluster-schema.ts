/**
 * The shape of cluster.yaml: which keys there are, and what kind of value each has. The published
 * JSON Schema is made from it, so every key is described here for whoever edits a file.
 *
 * The `error` of each part is what is said to be expected there. What words mean (addresses, names
 * of devices) and what fits together is checked by the readers that ha.cf has as well.
 */
import { z } from 'zod';
import { parseDuration } from '../base/duration.js';
import { NATIVE_DIALECT } from './dialect.js';
import { FENCE_TIMEOUT_MS_DEFAULT } from './fence-values.js';
import { BAUDS } from './link-values.js';

const DURATION_EXPECTED = 'a duration with its unit, such as 200ms, 1.5s, 2m or 1h';

const duration = z
  .string({ error: DURATION_EXPECTED })
  .refine((text) => parseDuration(text).ok, { error: DURATION_EXPECTED })
  .meta({ pattern: '^\\s*[0-9]{1,12}(\\.[0-9]{1,6})?\\s*(us|ms|s|m|min|h|d)\\s*$' });

function time(description: string, defaultMs?: number) {
  const described = duration.meta({ ...duration.meta(), description });
  if (defaultMs === undefined) return described.optional();
  const value = defaultMs % 1_000 === 0 ? `${defaultMs / 1_000}s` : `${defaultMs}ms`;
  return described.meta({ ...described.meta(), default: value }).optional();
}

function text(expected: string, description: string) {
  return z.string({ error: expected }).describe(description);
}

const PORT_EXPECTED = 'a port, 1 to 65535';

function port(description: string) {
  return z.int({ error: PORT_EXPECTED }).min(1, PORT_EXPECTED).max(65_535, PORT_EXPECTED)
    .describe(description);
}

const INTERFACE = 'the name of a network interface, such as eth1';
const ADDRESS = 'an address such as 10.9.0.11';
const NODE = 'the name of a node, such as n1';
const NODES = 'a list of nodes, such as [n1, n2]';
const PATH = 'an absolute path';

const node = z.union(
  [
    text(NODE, 'Its name as "uname -n" prints it.'),
    z.strictObject(
      {
        name: text(NODE, 'Its name as "uname -n" prints it.'),
        address: text(ADDRESS, 'Where ucast links reach it that have no addresses.').optional(),
      },
      { error: NODE },
    ),
  ],
  { error: 'the name of a node, or { name: NODE, address: ADDRESS }' },
);

const ADDRESSES = 'a mapping such as { n1: 10.9.0.11, n2: 10.9.0.12 }';

const ucast = z
  .strictObject({
    ucast: text(INTERFACE, 'The interface that the datagrams leave through.'),
    addresses: z
      .record(z.string(), z.string({ error: ADDRESS }), { error: ADDRESSES })
      .describe('The address of every node on this network, also of this one.')
      .optional(),
  })
  .describe('UDP to each other node by its address.');

const bcast = z
  .strictObject({ bcast: text(INTERFACE, 'The interface.') })
  .describe('UDP broadcast on an interface.');

const TTL_EXPECTED = 'a time to live, 0 to 255';

const mcast = z
  .strictObject({
    mcast: text(INTERFACE, 'The interface.'),
    group: text('a multicast address, such as 225.0.0.1', 'The multicast address.'),
    port: port('Its own UDP port. Default: that of the heartbeat.').optional(),
    ttl: z.int({ error: TTL_EXPECTED }).min(0, TTL_EXPECTED).max(255, TTL_EXPECTED)
      .meta({ description: 'How many routers a datagram may pass.', default: 1 })
      .optional(),
    loop: z.boolean({ error: 'true or false' })
      .meta({ description: 'Whether this machine hears itself.', default: false })
      .optional(),
  })
  .describe('UDP to a multicast group.');

const serial = z
  .strictObject({
    serial: text('the path of a serial port, such as /dev/ttyS0', 'The serial port.'),
    baud: z.literal(BAUDS, { error: `one of ${BAUDS.join(', ')}` })
      .meta({ description: 'Its speed, the same on both ends.', default: 19_200 })
      .optional(),
  })
  .describe('A null modem cable: the one link that no network fault can take.');

const link = z.union([ucast, bcast, mcast, serial], {
  error: 'a link, such as { bcast: eth1 } or { serial: /dev/ttyS0 }',
});

const pingTarget = z.union(
  [
    text(ADDRESS, 'An address that answers to ping.'),
    z.strictObject(
      {
        name: text('the name of a ping group, such as routers', 'Its name in status.'),
        addresses: z.array(z.string({ error: ADDRESS }), { error: 'a list of addresses' })
          .min(1, 'one address or more')
          .describe('It counts once, as long as one of them answers.'),
      },
      { error: ADDRESS },
    ),
  ],
  { error: `${ADDRESS}, or { name: routers, addresses: [10.9.0.253, 10.9.0.254] }` },
);

const heartbeat = z
  .strictObject(
    {
      keepalive: time('Time from one heartbeat to the next.', NATIVE_DIALECT.keepaliveMs),
      warntime: time('A link silent for so long is shown as late. Default: half of deadtime.'),
      deadtime: time('A node silent for so long is taken for dead.', NATIVE_DIALECT.deadtimeMs),
      initdead: time(
        'The same while this machine is starting. Default: deadtime when that is above 10 s, ' +
          'twice deadtime from 6 s on, and 12 s below that.',
      ),
      port: port('UDP port of bcast and ucast.').meta({ default: 694 }).optional(),
      links: z.array(link, { error: 'a list of links' })
        .describe('The ways to the other nodes. Use two that do not share a fault.')
        .optional(),
      ping: z.array(pingTarget, { error: 'a list of addresses' })
        .describe('Hosts whose answer shows that the own network of this node works.')
        .optional(),
      deadping: time('A ping address silent for so long is not reached. Default: deadtime, 3s at least.'),
    },
    { error: 'a mapping with "links"' },
  )
  .meta({ description: 'How the nodes hear each other.', required: ['links'] });

const PARAMETER = 'text, a number, true or false';
const parameter = z.union([z.string(), z.number(), z.boolean()], { error: PARAMETER });

const LEVEL = 'a number, 1 to 9; the lowest is used first';

const device = z
  .object(
    {
      agent: text(
        'the name of a fence agent, such as fence_ipmilan, or its absolute path',
        'A program of the fence-agents project, by name or absolute path.',
      ),
      timeout: time('How long the agent may take.', FENCE_TIMEOUT_MS_DEFAULT),
      level: z.int({ error: LEVEL }).min(1, LEVEL).max(9, LEVEL)
        .describe('All devices of a level must succeed; then the next level. Default: one each.')
        .optional(),
      reboot: z.boolean({ error: 'true or false' })
        .meta({ description: 'Switched on again after the shot, or left off.', default: true })
        .optional(),
    },
    { error: 'a mapping such as { agent: fence_ipmilan, ip: 10.9.9.11 }' },
  )
  .catchall(parameter)
  .describe(
    'One device. Every other key is a parameter of the agent. A secret is given as a file: ' +
      'password_file: /PATH.',
  );

const fencing = z
  .record(z.string(), z.array(device, { error: 'a list of fence devices' }), {
    error: 'a mapping from node to its fence devices',
  })
  .describe('Node -> the devices that can switch it off, tried in order. "*" stands for all nodes.');

const MOUNT = 'a mapping such as { device: /dev/drbd0, directory: /db, fstype: ext4 }';

const filesystem = z.strictObject(
  {
    device: text(`${PATH}, LABEL=NAME, UUID=ID or HOST:/PATH`, 'What is mounted.'),
    directory: text(PATH, 'Where it is mounted.'),
    fstype: text('a type such as ext4', 'Default: mount(8) finds out.').optional(),
    options: z.union(
      [z.string(), z.array(z.string({ error: 'an option of mount(8)' }))],
      { error: 'options of mount(8), such as noatime or [noatime, ro]' },
    ).describe('Options of mount(8).').optional(),
  },
  { error: MOUNT },
);

const SERVICE_ADDRESS = 'an address such as 10.9.0.100/24';

const ip = z.union(
  [
    text(SERVICE_ADDRESS, 'ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]], as in haresources.'),
    z.strictObject({
      address: text(SERVICE_ADDRESS, 'ADDRESS or ADDRESS/PREFIX.'),
      device: text(INTERFACE, 'Default: the interface with a route to it.').optional(),
      broadcast: text('an address such as 10.9.0.255', 'Its broadcast address.').optional(),
    }),
  ],
  { error: `${SERVICE_ADDRESS}, or { address: ADDRESS, device: INTERFACE }` },
);

const mysql = z.union(
  [
    z.null(),
    z.strictObject({
      datadir: text(PATH, 'Default: as the option files of the server say.').optional(),
      defaults_file: text(PATH, 'The only option file that the server reads.').optional(),
    }),
  ],
  { error: 'nothing, or a mapping such as { datadir: /db/mysql }' },
);

const SCRIPT = 'the name of a script in resource.d or init.d';

const resource = z.union(
  [
    z.strictObject({ drbd: text('the name of a DRBD resource, such as r0', 'Its name.') })
      .describe('A DRBD resource that is Primary where the group runs.'),
    z.strictObject({ filesystem }).describe('A mounted file system.'),
    z.strictObject({ ip }).describe('A service address.'),
    z.strictObject({ mysql }).describe('A MySQL or MariaDB server.'),
    z.strictObject({
      script: text(SCRIPT, 'Its name.'),
      args: z.array(parameter, { error: 'a list of arguments' })
        .describe('Given to it before start, stop and status.')
        .optional(),
    }).describe('A script of resource.d or init.d.'),
    text('a resource', 'heartbeat:NAME, lsb:NAME, each with ::ARGUMENT, or mysql.'),
  ],
  { error: 'a resource, such as "drbd: r0" or "heartbeat:NAME"' },
);

/** What holds when a group is silent: RECOVERY_DEFAULT of the resources, which a test compares. */
export const DEFAULT_RECOVERY = {
  onFailure: 'restart',
  restartsMax: 2,
  restartExpireMs: 600_000,
} as const;

const RESTARTS = 'a number, 0 to 100';

const group = z.strictObject(
  {
    prefer: z.array(z.string({ error: NODE }), { error: NODES })
      .describe('The order in which nodes are chosen. The others follow.')
      .optional(),
    nodes: z.array(z.string({ error: NODE }), { error: NODES })
      .describe('The only nodes that may run it. Default: all.')
      .optional(),
    failback: z.enum(['never', 'when-synced'], { error: '"never" or "when-synced"' })
      .meta({
        description: 'Whether it goes back to a preferred node that returns.',
        default: 'never',
      })
      .optional(),
    recovery: z
      .enum(['restart', 'relocate', 'disable'], { error: '"restart", "relocate" or "disable"' })
      .meta({
        description: 'What a failure leads to: a restart in place, another node at once, or the end.',
        default: DEFAULT_RECOVERY.onFailure,
      })
      .optional(),
    max_restarts: z.int({ error: RESTARTS }).min(0, RESTARTS).max(100, RESTARTS)
      .meta({
        description: 'Restarts in place within restart_expire_time; the failure after them moves it.',
        default: DEFAULT_RECOVERY.restartsMax,
      })
      .optional(),
    restart_expire_time: time(
      'How long a failure counts, and a node that failed is not chosen.',
      DEFAULT_RECOVERY.restartExpireMs,
    ),
    resources: z.array(resource, { error: 'a list of resources' })
      .min(1, 'one resource or more')
      .describe('Started from first to last, stopped from last to first.'),
  },
  { error: 'a mapping with "resources"' },
);

/** cluster.yaml as a whole. Links and nodes are required, which is said in other words. */
export const CLUSTER_SCHEMA = z
  .strictObject(
    {
      cluster: text('the name of the cluster', 'Its name in status.')
        .meta({ default: 'linux-ha' })
        .optional(),
      nodes: z.array(node, { error: NODES })
        .describe('The members, in the order that breaks ties. Each machine must be one of them.')
        .optional(),
      heartbeat: heartbeat.optional(),
      watchdog: text('the path of a watchdog device, such as /dev/watchdog',
        'The device that resets this machine when it has lost itself.').optional(),
      fencing: fencing.optional(),
      groups: z.record(z.string(), group, { error: 'a mapping from name to group' })
        .describe('Name -> resources that live on one node together.')
        .optional(),
    },
    { error: 'a mapping with "nodes", "heartbeat" and "groups"' },
  )
  .meta({
    title: 'Tandem cluster.yaml',
    description: 'The configuration of a Tandem cluster, the same on all nodes.',
    required: ['nodes', 'heartbeat'],
  });

/** What cluster.yaml holds, without places. */
export type ClusterShape = z.infer<typeof CLUSTER_SCHEMA>;

/** The JSON Schema that editors use; docs/cluster.schema.json holds it. */
export function clusterJsonSchema(): unknown {
  return z.toJSONSchema(CLUSTER_SCHEMA, { io: 'input' });
}
