import type { PlanContext } from './plan.js';

/**
 * Where the programs of a plan are looked for, best first. The daemon looks once, at its start,
 * and hands the found paths over in `PlanContext.programs`, so that a plan never searches a PATH
 * that differs from the operator's. `drbdsetup-84` is what `drbdsetup` of drbd-utils 9 turns into
 * when the driver is 8.4; calling it at once saves one program start.
 */
export const PROGRAM_CANDIDATES = {
  drbdadm: ['/usr/sbin/drbdadm', '/sbin/drbdadm'],
  drbdsetup: ['/usr/sbin/drbdsetup', '/sbin/drbdsetup'],
  'drbdsetup-84': ['/usr/lib/drbd/drbdsetup-84', '/lib/drbd/drbdsetup-84'],
  mount: ['/usr/bin/mount', '/bin/mount'],
  umount: ['/usr/bin/umount', '/bin/umount'],
  ip: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'],
  arping: ['/usr/bin/arping', '/usr/sbin/arping', '/sbin/arping'],
  mariadbd: ['/usr/sbin/mariadbd', '/usr/libexec/mariadbd', '/usr/local/mysql/bin/mariadbd'],
  mysqld: ['/usr/sbin/mysqld', '/usr/libexec/mysqld', '/usr/local/mysql/bin/mysqld'],
  my_print_defaults: ['/usr/bin/my_print_defaults', '/usr/local/mysql/bin/my_print_defaults'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** A program that plans may call. */
export type ProgramName = keyof typeof PROGRAM_CANDIDATES;

/** The path of a program; its bare name, for the system to search, when none was found. */
export function programPath(context: Pick<PlanContext, 'programs'>, name: ProgramName): string {
  return context.programs[name] ?? name;
}
