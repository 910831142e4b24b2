/** The release of the program that runs on a machine, as far as others notice it: its protocol. */
import type { FailoverEvent } from '../failover/event.js';
import { PROTOCOL_VERSION, type Report } from '../heartbeat/report.js';
import { Words } from './letters.js';

export class Release {
  /** The protocol of another release; null for this one. */
  other: number | null = null;

  /** A report as it leaves here: another release writes its own number. */
  written(words: Words): Words {
    return this.other === null ? words : new Words({ ...words.report, protocol: this.other });
  }

  /** What the codec makes of a report that arrives: that of another protocol is foreign (S9). */
  read(link: string, report: Report): FailoverEvent {
    const { node, protocol } = report;
    if (protocol !== (this.other ?? PROTOCOL_VERSION)) {
      const { generation, sequence } = report;
      const stamp = { generation, sequence };
      const fault = { kind: 'otherProtocol', detail: String(protocol), node, stamp } as const;
      return { kind: 'foreign', link, fault };
    }
    // The core here believes that it is this release: what it hears is made to fit.
    if (protocol === PROTOCOL_VERSION) return { kind: 'report', link, report };
    return { kind: 'report', link, report: { ...report, protocol: PROTOCOL_VERSION } };
  }
}
