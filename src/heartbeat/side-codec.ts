/**
 * One half of a DRBD resource as a field of a report:
 *
 *     ti.r0=UpToDate 0/0E00F5D4B1A06EAA:977B...:1:1:0:0:0:0:0/20480 at=1763709184/kernel db=-noBinlog
 *
 * the kernel's disk state, VOLUME/GET-GI LINE/BYTES for each volume, then what else is known.
 */
import type { SideReport, SideVolume } from './report.js';

/** Writes one side as the words of its field. */
export function encodeSide({ disk, volumes, began, database, offers }: SideReport): string {
  return [
    disk,
    ...volumes.map(
      ({ volume, generation, outOfSyncBytes }) =>
        `${String(volume)}/${generation}/${outOfSyncBytes === null ? '' : String(outOfSyncBytes)}`,
    ),
    ...(began === null ? [] : [`at=${String(began.seconds)}/${began.source}`]),
    `db=${database}`,
    ...(offers === null ? [] : [`offers=${offers}`]),
  ].join(' ');
}

/** Reads the words of such a field; null when one is not understood. */
export function decodeSide(resource: string, words: readonly string[]): SideReport | null {
  const [disk = '', ...rest] = words;
  const volumes: SideVolume[] = [];
  let side: SideReport = { resource, disk, volumes, began: null, database: '', offers: null };
  for (const word of rest) {
    const equals = word.indexOf('=');
    const value = word.slice(equals + 1);
    if (equals < 0) {
      const volume = decodeSideVolume(word);
      if (volume === null) return null;
      volumes.push(volume);
    } else if (word.startsWith('at=')) {
      const [seconds = '', source] = value.split('/');
      const number = decimal(seconds);
      if (number === null || (source !== 'kernel' && source !== 'tandem')) return null;
      side = { ...side, began: { seconds: number, source } };
    } else if (word.startsWith('db=')) side = { ...side, database: value };
    else if (word.startsWith('offers=')) side = { ...side, offers: value };
  }
  return side;
}

function decodeSideVolume(word: string): SideVolume | null {
  const [name = '', generation = '', bytes = ''] = word.split('/');
  const volume = decimal(name);
  const outOfSyncBytes = bytes === '' ? null : decimal(bytes);
  if (volume === null || generation === '' || (bytes !== '' && outOfSyncBytes === null)) return null;
  return { volume, generation, outOfSyncBytes };
}

function decimal(text: string): number | null {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}
