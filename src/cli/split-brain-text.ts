/** RFC 3339, to the second. */
export function momentOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z');
}

/**
 * What to type, and where, when a half of a resource is not known. A line such as `n2# ...` is typed
 * as it stands. `self` is the node where this is read; null when it is neither.
 */
export function adviceForMissing(
  resource: string,
  self: string | null,
  missing: readonly string[],
): readonly string[] {
  const others = missing.filter((node) => node !== self);
  const own = missing.length > others.length ? [`${self ?? ''}# drbdadm get-gi ${resource}`] : [];
  if (others.length === 0) return ['find out why this node does not tell:', ...own];
  const files = others.map((node) => `--gi ${node}=${fileOf(resource, node)}`).join(' ');
  return [
    ...(own.length === 0 ? [] : ['find out why this node does not tell:', ...own]),
    `run on ${others.join(' and ')}, as root (it changes nothing):`,
    ...others.map(
      (node) => `${node}# (drbdadm get-gi ${resource}; cat /proc/drbd) > ${fileOf(resource, node)}`,
    ),
    'bring the file here, by scp or by hand, and compare:',
    `${self ?? 'HERE'}# tandem split-brain inspect ${resource} ${files}`,
  ];
}

function fileOf(resource: string, node: string): string {
  return `${resource}-${node}.txt`;
}
