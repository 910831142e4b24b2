import type { Status } from '../base/status.js';
import { verdictLines } from './render-status.js';
import { printable, type TextStyle } from './text.js';

/**
 * What is known without the daemon: nothing about the cluster, but the kernel still tells what its
 * DRBD devices do. The lines of /proc/drbd are shown as they are; reading them is the daemon's art.
 */
export interface OfflineStatus {
  readonly status: Status;
  readonly procDrbd: ProcDrbd;
}

/** The text of /proc/drbd, or why there is none. */
export type ProcDrbd = { readonly text: string } | { readonly missing: string };

/** Lines of /proc/drbd that are shown; a machine has a handful of devices. */
const PROC_LINES_MAX = 200;

/** The status when the daemon did not answer: `running` tells a hung one from one that is down. */
export function offlineStatus(node: string, running: boolean, reason: string): Status {
  return {
    schema: 'tandem.status/1',
    cluster: '',
    self: node,
    verdict: { state: 'unknown', summary: reason },
    nodes: [],
    links: [],
    groups: [],
    drbd: [],
    fencing: { configured: false, lastTestedAt: null },
    daemon: { running, reason },
  };
}

export function renderOffline({ status, procDrbd }: OfflineStatus, style: TextStyle): string {
  const lines = [
    ...verdictLines(status, style),
    '',
    'Only what the kernel of this machine says is known now.',
    '',
    ...procLines(procDrbd),
  ];
  return `${lines.join('\n')}\n`;
}

function procLines(procDrbd: ProcDrbd): string[] {
  if ('missing' in procDrbd) return [`/proc/drbd: ${procDrbd.missing}`];
  const lines = minorLines(procDrbd.text);
  const shown = lines.slice(0, PROC_LINES_MAX).map(printable);
  const rest = lines.length - shown.length;
  const more = rest > 0 ? [`(${rest} more lines)`] : [];
  return lines.length === 0
    ? ['/proc/drbd: the DRBD module is loaded; no device is configured']
    : ['/proc/drbd', ...shown, ...more];
}

/** All but the header (version, api, build) and blank lines: devices, counters, progress. */
function minorLines(text: string): string[] {
  return text.split('\n').filter((line) => /^\s/.test(line) && line.trim() !== '');
}
