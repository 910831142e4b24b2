// A lab's storage: DRBD resource r0 on two nodes, a file system on it, MariaDB's data in that.

import type { Lab } from './lab.js';
import type { LabNode } from './node.js';
import { waitFor } from './process.js';

/** The lab's DRBD resource and where it is mounted. */
export const STORAGE = {
  resource: 'r0',
  device: '/dev/drbd0',
  mountPoint: '/db',
  dataFolder: '/db/mysql',
  socket: '/run/mysqld/mysqld.sock',
} as const;

/** The account and database that the lab's clients use. */
export const DATABASE = {
  user: 'writer',
  password: 'lab-writer',
  database: 'shop',
  port: 3306,
} as const;

/** DRBD's own fencing, with Tandem as its handler. */
export type DrbdFencing = 'dont-care' | 'resource-only' | 'resource-and-stonith';

/** `netOptions` and `diskOptions` are lines such as `al-extents 257;`. */
export type StorageOptions = {
  /** Default dont-care: no handler is configured. */
  readonly fencing?: DrbdFencing;
  readonly skipInitialSync?: boolean;
  /** The backing device is LVM's volume `tank/data`, with room beside it. */
  readonly onLogicalVolume?: boolean;
  readonly netOptions?: readonly string[];
  readonly diskOptions?: readonly string[];
  readonly handlers?: readonly string[];
};

const SYNC_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 20_000;

const MY_CNF = `[mysqld]
user = mysql
datadir = ${STORAGE.dataFolder}
socket = ${STORAGE.socket}
pid-file = /run/mysqld/mysqld.pid
log-error = /var/log/mysql/error.log
bind-address = 0.0.0.0
port = ${DATABASE.port}
skip-name-resolve
performance_schema = OFF
innodb_flush_log_at_trx_commit = 1
innodb_buffer_pool_size = 32M
innodb_buffer_pool_size_max = 64M
innodb_log_file_size = 16M
innodb_use_native_aio = 0

[client]
socket = ${STORAGE.socket}
`;

/**
 * Prepares r0 and the database on the first two nodes, which must run. Afterwards r0 is
 * Connected, Secondary on both and UpToDate on both; /db/mysql holds an initialised data folder
 * with the account and database of `DATABASE`; nothing is mounted and no database runs.
 * Without `skipInitialSync` the whole disk is really copied.
 */
export async function setupDrbd(lab: Lab, options: StorageOptions = {}): Promise<void> {
  const [first, second] = lab.nodes;
  if (first === undefined || second === undefined) throw new Error('DRBD needs two nodes');
  const pair = [first, second] as const;
  const text = resourceText(pair, options);
  if (options.onLogicalVolume === true) await Promise.all(pair.map(makeLogicalVolume));
  await Promise.all(pair.map((node) => attach(node, text)));
  await waitForDrbd(first, 'cs:Connected', CONNECT_TIMEOUT_MS);
  if (options.skipInitialSync === true) {
    await first.must('drbdadm -- --clear-bitmap new-current-uuid r0');
  } else {
    await first.must('drbdadm primary --force r0');
    await waitForDrbd(first, 'ds:UpToDate/UpToDate', SYNC_TIMEOUT_MS);
    await first.must('drbdadm secondary r0');
  }
  await waitForDrbd(first, 'ds:UpToDate/UpToDate', CONNECT_TIMEOUT_MS);
  await initialiseDatabase(first);
  await Promise.all(pair.map((node) => node.must('sync')));
}

/** The kernel starts them with a PATH without /usr/local (docs/drbd-fencing.md). */
const HANDLERS = [
  'fence-peer "/usr/local/bin/tandem drbd fence-peer";',
  'unfence-peer "/usr/local/bin/tandem drbd unfence-peer";',
  'before-resync-target "/usr/local/bin/tandem drbd before-resync-target";',
  'after-resync-target "/usr/local/bin/tandem drbd after-resync-target";',
] as const;

/** Gives both nodes, which must run, another configuration of r0, and the kernel with it. */
export async function reconfigureDrbd(lab: Lab, options: StorageOptions): Promise<void> {
  const [first, second] = lab.nodes;
  if (first === undefined || second === undefined) throw new Error('DRBD needs two nodes');
  const text = resourceText([first, second], options);
  for (const node of [first, second]) {
    await node.writeFile('/etc/drbd.d/r0.res', text);
    await node.must('drbdadm adjust r0', { timeoutMs: SYNC_TIMEOUT_MS });
  }
}

/** The DRBD resource file of the lab, the same on every node. */
export function resourceText(pair: readonly LabNode[], options: StorageOptions = {}): string {
  const { netOptions = [], diskOptions = [], fencing = 'dont-care' } = options;
  const handlers = [...(fencing === 'dont-care' ? [] : HANDLERS), ...(options.handlers ?? [])];
  const section = (name: string, lines: readonly string[]): string[] => [
    `  ${name} {`, ...lines.map((line) => `    ${line}`), '  }',
  ];
  return [
    'resource r0 {',
    ...section('net', [
      'protocol C;', 'timeout 20;', 'ping-int 3;', 'ping-timeout 5;', 'connect-int 3;',
      'max-buffers 8000;', ...netOptions,
    ]),
    ...section('disk', ['c-plan-ahead 0;', 'resync-rate 400M;', `fencing ${fencing};`, ...diskOptions]),
    ...(handlers.length === 0 ? [] : section('handlers', handlers)),
    ...pair.flatMap((node) => section(`on ${node.name}`, [
      'device /dev/drbd0 minor 0;',
      `disk ${options.onLogicalVolume === true ? '/dev/tank/data' : '/dev/ubdb'};`,
      'meta-disk internal;',
      `address ${node.addresses.replication}:7788;`,
    ])),
    '}',
    '',
  ].join('\n');
}

/** Waits until a node's /proc/drbd shows the word, such as `ds:UpToDate/UpToDate`. */
export async function waitForDrbd(node: LabNode, word: string, timeoutMs: number): Promise<void> {
  let seen = 'nothing';
  await waitFor(
    `${word} in /proc/drbd of ${node.name}`,
    async () => {
      seen = await node.readFile('/proc/drbd').catch((error: unknown) => String(error));
      return seen.includes(word);
    },
    { timeoutMs, everyMs: 50 },
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}; last seen:\n${seen}`);
  });
}

/** 160 of 256 MiB, so that snapshots have room. */
async function makeLogicalVolume(node: LabNode): Promise<void> {
  await node.must(
    'pvcreate --yes /dev/ubdb && vgcreate tank /dev/ubdb && lvcreate --yes --name data --size 160M tank',
    { timeoutMs: 30_000 },
  );
}

async function attach(node: LabNode, text: string): Promise<void> {
  await node.writeFile('/etc/drbd.d/r0.res', text);
  await node.writeFile('/etc/drbd.d/global_common.conf', 'global { usage-count no; }\n');
  await node.writeFile('/etc/mysql/my.cnf', MY_CNF);
  await node.must(
    'set -e; modprobe drbd; drbdadm create-md --force r0 </dev/null; drbdadm up r0',
    { timeoutMs: 30_000 },
  );
}

async function initialiseDatabase(node: LabNode): Promise<void> {
  const { user, password, database } = DATABASE;
  const init = `FLUSH PRIVILEGES;
CREATE DATABASE ${database};
CREATE USER '${user}'@'%' IDENTIFIED BY '${password}';
GRANT ALL ON ${database}.* TO '${user}'@'%';
CREATE TABLE ${database}.\`rows\` (id BIGINT PRIMARY KEY, at DATETIME(6) NOT NULL) ENGINE=InnoDB;
`;
  await node.writeFile('/tmp/init.sql', init);
  await node.must(
    `set -e
    drbdadm primary r0
    mkfs.ext4 -q ${STORAGE.device}
    mkdir -p ${STORAGE.mountPoint}
    mount ${STORAGE.device} ${STORAGE.mountPoint}
    mariadb-install-db --user=mysql --datadir=${STORAGE.dataFolder} --skip-test-db \\
      --auth-root-authentication-method=normal > /tmp/install-db.log 2>&1 \\
      || { cat /tmp/install-db.log >&2; exit 1; }
    mariadbd --bootstrap < /tmp/init.sql > /tmp/bootstrap.log 2>&1 \\
      || { cat /tmp/bootstrap.log /var/log/mysql/error.log >&2; exit 1; }
    umount ${STORAGE.mountPoint}
    drbdadm secondary r0
    rm -f /tmp/init.sql`,
    { timeoutMs: 60_000 },
  );
}
