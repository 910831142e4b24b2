/**
 * The options of DRBD's configuration (drbd.conf of 8.0 to 9.2): which there are, the unit of a
 * bare number, and whether two texts say the same.
 */

/** A section of options as drbdsetup prints it. */
export type OptionSection = 'options' | 'net' | 'disk' | 'syncer';

const RESYNC = [
  ...['resync-rate', 'c-plan-ahead', 'c-delay-target', 'c-fill-target', 'c-max-rate', 'c-min-rate'],
  ...['bitmap', 'resync-without-replication', 'peer-tiebreaker'],
];

const KNOWN: Readonly<Record<OptionSection, ReadonlySet<string>>> = {
  options: new Set([
    ...['cpu-mask', 'on-no-data-accessible', 'auto-promote', 'peer-ack-window', 'peer-ack-delay'],
    ...['twopc-timeout', 'twopc-retry-timeout', 'auto-promote-timeout', 'max-io-depth', 'quorum'],
    ...['on-no-quorum', 'quorum-minimum-redundancy', 'on-suspended-primary-outdated'],
    ...['drbd8-compat-mode', 'explicit-drbd8-compat'],
  ]),
  net: new Set([
    ...['protocol', 'timeout', 'max-epoch-size', 'max-buffers', 'unplug-watermark', 'connect-int'],
    ...['ping-int', 'ping-timeout', 'sndbuf-size', 'rcvbuf-size', 'ko-count', 'allow-two-primaries'],
    ...['cram-hmac-alg', 'shared-secret', 'after-sb-0pri', 'after-sb-1pri', 'after-sb-2pri'],
    ...['always-asbp', 'rr-conflict', 'data-integrity-alg', 'tcp-cork', 'on-congestion'],
    ...['congestion-fill', 'congestion-extents', 'csums-alg', 'csums-after-crash-only', 'verify-alg'],
    ...['use-rle', 'socket-check-timeout', 'fencing', '_name', 'transport', 'allow-remote-read'],
    ...['tls', 'tls-keyring', 'tls-privkey', 'tls-certificate', 'rdma-ctrl-rcvbuf-size'],
    ...['rdma-ctrl-sndbuf-size', 'load-balance-paths'],
  ]),
  disk: new Set([
    ...RESYNC,
    ...['size', 'max-bio-bvecs', 'on-io-error', 'fencing', 'disk-barrier', 'disk-flushes'],
    ...['disk-drain', 'md-flushes', 'al-extents', 'al-updates', 'discard-zeroes-if-aligned'],
    ...['disable-write-same', 'disk-timeout', 'read-balancing', 'rs-discard-granularity'],
    ...['resync-after', 'no-disk-barrier', 'no-disk-flushes', 'no-disk-drain', 'no-md-flushes'],
    ...['max-bio-size', 'use-bmbv', 'd-bitmap'],
  ]),
  syncer: new Set([
    ...['rate', 'after', 'al-extents', 'verify-alg', 'csums-alg', 'cpu-mask', 'use-rle', 'delay-probe-volume'],
    ...['delay-probe-interval', 'throttle-threshold', 'hold-off-threshold', 'c-plan-ahead'],
    ...['c-delay-target', 'c-fill-target', 'c-max-rate', 'c-min-rate', 'on-no-data-accessible'],
  ]),
};

/** Whether some release has the option in that section. */
export function isKnownOption(section: OptionSection, name: string): boolean {
  return KNOWN[section].has(name);
}

/** Options whose values are told to nobody. */
export function isSecretOption(name: string): boolean {
  return name === 'shared-secret';
}

/** The unit of a number without one, in bytes (drbd_limits.h); 1 for all others. */
const BARE_UNIT: Readonly<Record<string, number>> = {
  'resync-rate': 1_024,
  rate: 1_024,
  'c-max-rate': 1_024,
  'c-min-rate': 1_024,
  'c-fill-target': 512,
  'congestion-fill': 512,
  size: 512,
};

const UNIT: Readonly<Record<string, number>> = {
  s: 512,
  k: 1_024,
  m: 1_024 ** 2,
  g: 1_024 ** 3,
  t: 1_024 ** 4,
};

/** Whether two values of an option are the same: `2M` and `2048k`, `yes` and a bare flag. */
export function isSameValue(name: string, a: string, b: string): boolean {
  return normal(name, a) === normal(name, b);
}

function normal(name: string, value: string): string {
  const [, digits, unit = ''] = /^(\d{1,15})([skmgt]?)$/i.exec(value) ?? [];
  if (digits === undefined) return value === 'true' ? 'yes' : value === 'false' ? 'no' : value;
  const factor = unit === '' ? (BARE_UNIT[name] ?? 1) : (UNIT[unit.toLowerCase()] ?? 1);
  return String(Number(digits) * factor);
}
