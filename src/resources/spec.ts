/**
 * What a resource is, as the configuration gives it: one unit that is started and stopped in its
 * place in a group. Native kinds are Tandem's own; everything else is a script or an agent.
 */
export type ResourceSpec = DrbdSpec | FilesystemSpec | IpSpec | MysqlSpec | ScriptSpec;

/** A DRBD resource that is Primary where the group runs. haresources: `drbddisk::r0`. */
export interface DrbdSpec {
  readonly kind: 'drbd';
  /** Unique in the cluster, `drbd:r0`. */
  readonly id: string;
  readonly resource: string;
}

/** A mounted file system. haresources: `Filesystem::/dev/drbd0::/db::ext4::noatime`. */
export interface FilesystemSpec {
  readonly kind: 'filesystem';
  /** `filesystem:/db`. */
  readonly id: string;
  readonly device: string;
  readonly directory: string;
  /** Null lets mount(8) find out. */
  readonly fstype: string | null;
  /** Passed to `mount -o`; empty for none. */
  readonly options: readonly string[];
}

/** A service address. haresources: `10.9.0.100/24/vec0/10.9.0.255` or `IPaddr::...`. */
export interface IpSpec {
  readonly kind: 'ip';
  /** `ip:10.9.0.100`. */
  readonly id: string;
  readonly address: string;
  /** Null takes the prefix length of the interface's own network. */
  readonly prefixLength: number | null;
  /** Null takes the interface that has a route to the address. */
  readonly device: string | null;
  readonly broadcast: string | null;
}

/** A MySQL or MariaDB server. haresources: `mysql`, `mysql::/db/mysql`. */
export interface MysqlSpec {
  readonly kind: 'mysql';
  /** `mysql` or `mysql:/db/mysql`. */
  readonly id: string;
  /** Null reads it from the server's own option files. */
  readonly datadir: string | null;
  /** An option file handed over as `--defaults-file`; null uses the server's own. */
  readonly defaultsFile: string | null;
}

/** A script of /etc/ha.d/resource.d or /etc/init.d. haresources: `name::arg::arg`. */
export interface ScriptSpec {
  readonly kind: 'script';
  /** The haresources word itself, `httpd` or `MailTo::root`. */
  readonly id: string;
  readonly name: string;
  readonly args: readonly string[];
}

/** The kinds, in the order in which documentation lists them. */
export const RESOURCE_KINDS = ['drbd', 'filesystem', 'ip', 'mysql', 'script'] as const;

/** The name of a kind. */
export type ResourceKind = ResourceSpec['kind'];

/** A list of resources that live on one node together, started in order and stopped in reverse. */
export interface GroupSpec {
  readonly name: string;
  /** Other names an operator may use, such as Heartbeat's group key (its first resource). */
  readonly aliases: readonly string[];
  /** All nodes that may run it, the preferred first. */
  readonly prefer: readonly string[];
  /** `when-synced` is auto_failback on: back to the preferred node once its disk is UpToDate. */
  readonly failback: 'never' | 'when-synced';
  readonly resources: readonly ResourceSpec[];
  /** What a failure leads to, where it differs from RECOVERY_DEFAULT. */
  readonly recovery?: Partial<Recovery>;
}

/** What is done when a part of a group fails while it runs (rgmanager's words). */
export interface Recovery {
  /**
   * `restart`: in place, and elsewhere after `restartsMax` of them. `relocate`: elsewhere at once,
   * in place only when no other node can. `disable`: stopped until an operator enables it.
   */
  readonly onFailure: 'restart' | 'relocate' | 'disable';
  /** Restarts in place within the window; the failure after them bars the node. */
  readonly restartsMax: number;
  /** The window, and for how long a node that failed is not chosen. */
  readonly restartExpireMs: number;
}

/** What holds for a group that says nothing. */
export const RECOVERY_DEFAULT: Recovery = {
  onFailure: 'restart',
  restartsMax: 2,
  restartExpireMs: 600_000,
};
