/**
 * /proc/drbd and `drbdsetup events2` of 8.4 each tell what the other does not: the file has the
 * I/O flags, progress and fresh counters, the program has names, sizes and why I/O is frozen.
 */
import type { ResourceVolume } from './facts.js';
import type { DrbdModel, DrbdResource } from './model.js';

/** Which minors make up which resource, as a model tells it. */
export function namesIn({ resources }: DrbdModel): readonly ResourceVolume[] {
  return resources.flatMap(({ name, volumes }) =>
    volumes.flatMap(({ volume, minor }) =>
      minor === null ? [] : [{ resource: name, volume, minor }],
    ),
  );
}

/**
 * The model of /proc/drbd with what only events2 tells. They were read one after the other: where
 * they differ, the file is right.
 */
export function withNames(proc: DrbdModel, named: DrbdModel): DrbdModel {
  const byName = new Map(named.resources.map((resource) => [resource.name, resource]));
  return {
    ...proc,
    resources: proc.resources.map((resource) => completed(resource, byName.get(resource.name))),
  };
}

function completed(resource: DrbdResource, named: DrbdResource | undefined): DrbdResource {
  if (named === undefined) return resource;
  const frozen = (resource.suspended ?? []).length > 0;
  const reasons = named.suspended ?? [];
  const volumes = resource.volumes.map((volume) => {
    const known = named.volumes.find((entry) => entry.volume === volume.volume);
    return { ...volume, sizeKiB: volume.sizeKiB ?? known?.sizeKiB ?? null };
  });
  return { ...resource, volumes, suspended: frozen && reasons.length > 0 ? reasons : resource.suspended };
}
