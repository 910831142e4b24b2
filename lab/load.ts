// Load for a node, bounded in time: what it does to a heartbeat is to be found out.

import type { LabNode } from './node.js';

/** How much of a node is taken. */
export type Load = {
  readonly seconds: number;
  /** Loops that want a processor each; a node has one. */
  readonly busyLoops: number;
  /** Written over and over, of the 768 MiB of a node. */
  readonly memoryMiB: number;
  /** Where a file is written and flushed over and over. */
  readonly folder: string;
  /** Between two such files, in seconds. */
  readonly writePauseS: number;
};

/** As much as a node bears. */
export const FULL_LOAD = { busyLoops: 2, memoryMiB: 350, writePauseS: 0 } as const;
/** As a machine that serves a busy database. */
export const MODERATE_LOAD = { busyLoops: 1, memoryMiB: 100, writePauseS: 1 } as const;

const DISK_FILE = 'load-of-the-test';

function script({ seconds, busyLoops, memoryMiB, folder, writePauseS }: Load): string {
  return `
for i in $(seq ${busyLoops}); do timeout ${seconds} bash -c 'while :; do :; done' & done
timeout ${seconds} bash -c 'while :; do
  dd if=/dev/zero of=${folder}/${DISK_FILE} bs=64k count=400 conv=fsync 2> /dev/null
  sleep ${writePauseS}
done' &
timeout ${seconds} perl -e '
  my @held = map { "x" x 1048576 } 1 .. ${memoryMiB};
  while (1) { for my $block (@held) { substr($block, $_ * 4096, 1) = "y" for 0 .. 255 } }' &
wait
rm -f ${folder}/${DISK_FILE}
`;
}

/** Begins it and returns at once; it ends by itself. */
export async function loadNode(node: LabNode, load: Load): Promise<void> {
  await node.spawn(script(load), { logFile: '/dev/null' });
}

const STALL = /^This node stood still for ([\d.]+) (ms|s)\b/;

/** The standstills that a node noticed, in ms, out of what it said. */
export function stallsOf(sentences: readonly string[]): readonly number[] {
  return sentences.flatMap((sentence) => {
    const [, number, unit] = STALL.exec(sentence) ?? [];
    return number === undefined ? [] : [Number(number) * (unit === 's' ? 1_000 : 1)];
  });
}
