/**
 * When a generation of data began, by the kernel's own log: DRBD prints the new identifiers each
 * time it makes some (drbd_uuid_new_current of 8.4: "new current UUID A:B:C:D"; 9 prints CURRENT
 * and a node mask).
 *
 *     [   61.402113] drbd r0/0 drbd0: new current UUID 0E00F5D4B1A06EAB:977B...:...:...
 */
const LINE = /^\[ {0,12}(\d{1,10}\.\d{1,6})\] .{0,200}\bnew current UUID:? ([0-9A-Fa-f]{16})/;

/** A kernel log is a ring of a few MiB at most. */
const LINES_MAX = 200_000;

/** Bit 0 tells the role, not the data. */
const ROLE_BIT = 1n;

/**
 * Seconds since the boot at which `current` began, by `dmesg`'s output (timestamps as the kernel
 * prints them); null when no line tells.
 */
export function generationBeganAt(log: string, current: bigint): number | null {
  let began: number | null = null;
  for (const line of log.split('\n', LINES_MAX)) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const id = BigInt(`0x${match[2] ?? '0'}`);
    if ((id & ~ROLE_BIT) === (current & ~ROLE_BIT)) began = Number(match[1]);
  }
  return began;
}
