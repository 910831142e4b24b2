import { isVolumeName } from '../drbd/command.js';
import type { ConfiguredVolume } from '../drbd/config-query.js';
import { VOLUME_ACTIONS, type ActionTarget } from '../drbd/action.js';
import { nearestWord } from '../base/diagnostic.js';
import { configuredResources, configuredVolumes, type Asked } from '../host/drbd-tools.js';
import { CliFailure } from './cli-failure.js';

/** Reads `r0` or `r0/1`, as far as the action takes a volume. Throws a CliFailure. */
export function parseTarget(text: string, action: string): ActionTarget {
  if (text.startsWith('/dev/')) {
    const sentence = `"${text}" is a device; name its resource, such as r0 (see tandem drbd status)`;
    throw new CliFailure('usage', sentence);
  }
  if (!isVolumeName(text)) {
    const expected = VOLUME_ACTIONS.has(action) ? 'RESOURCE or RESOURCE/VOLUME' : 'RESOURCE';
    throw new CliFailure('usage', `"${text}" is not ${expected}: one resource, such as r0`);
  }
  const [resource = '', volume] = text.split('/');
  if (volume === undefined) return { resource, volume: null };
  if (!VOLUME_ACTIONS.has(action)) {
    const why = `${action} is about all volumes of a resource together`;
    throw new CliFailure('usage', `${why}: name ${resource}, not ${text}`);
  }
  return { resource, volume: Number(volume) };
}

/**
 * The volumes that a target has on this machine; `ok: false` when DRBD's tools could not be asked.
 * Throws a CliFailure for a name that is not there, with the nearest one that is.
 */
export async function volumesOf(
  target: ActionTarget,
  host: string,
): Promise<Asked<readonly ConfiguredVolume[]>> {
  const { resource, volume } = target;
  const volumes = await configuredVolumes(resource, host);
  if (!volumes.ok) {
    const { outcome } = volumes.run;
    if (outcome.kind === 'refused' && outcome.name === 'notConfigured') throw await noSuch(resource);
    return volumes;
  }
  if (volume === null || volumes.value.some((each) => each.volume === volume)) return volumes;
  const numbers = volumes.value.map((each) => each.volume).join(', ');
  throw new CliFailure('noSuch', `${resource} has no volume ${volume} here; it has ${numbers}`);
}

async function noSuch(resource: string): Promise<CliFailure> {
  const names = await configuredResources();
  const known = names.ok ? names.value : [];
  const nearest = nearestWord(resource, known);
  const hint =
    nearest !== undefined
      ? `did you mean ${nearest}?`
      : known.length === 0
        ? 'DRBD has no resource configured here'
        : `there is ${known.slice(0, NAMES_SHOWN_MAX).join(', ')}`;
  return new CliFailure('noSuch', `There is no DRBD resource ${resource} on this machine (${hint})`);
}

/** A machine has a handful of resources; a list of hundreds would hide the sentence. */
const NAMES_SHOWN_MAX = 8;
