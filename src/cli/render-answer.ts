import type { OperatorAnswer } from '../base/control.js';
import { formatDuration } from '../base/duration.js';
import { folded, paint, printable, type TextStyle } from './text.js';

/** The last word of a request, as one line (or more, when it has to be folded). */
export function renderAnswer(answer: OperatorAnswer, dryRun: boolean, style: TextStyle): string {
  const lines = dryRun
    ? [`Dry run: ${printable(answer.message)}`, ...answer.progress.map(progressLine)]
    : [finalLine(answer, style), ...moreFaults(answer), ...fenceTestLines(answer, style)];
  return `${lines.join('\n')}\n`;
}

/** What a test found, device by device, and what it cannot find. */
function fenceTestLines({ fenceTests = [] }: OperatorAnswer, style: TextStyle): readonly string[] {
  return fenceTests.flatMap(({ node, devices, unproven }) => [
    ...devices.flatMap(({ level, device, outcome, reason, tookMs }) => {
      const said = outcome === 'failed' ? `failed: ${reason}` : `says ${outcome}`;
      const took = formatDuration(tookMs);
      return folded(style, 2, `${node}, level ${String(level)}: ${device} ${said} (${took})`);
    }),
    ...folded(style, 2, unproven),
  ]);
}

/** What else is wrong, when a refusal has more than one reason. */
function moreFaults({ state, progress }: OperatorAnswer): readonly string[] {
  return state === 'refused' ? progress.map(progressLine) : [];
}

function finalLine(answer: OperatorAnswer, style: TextStyle): string {
  const message = printable(answer.message);
  switch (answer.state) {
    case 'done':
    case 'accepted':
      return message;
    case 'failed':
      return `${paint(style, 'red', 'Failed:')} ${message}`;
    case 'refused':
      return `${paint(style, 'yellow', 'Refused:')} ${message}`;
  }
}

/** One thing that happened on the way. */
export function progressLine(sentence: string): string {
  return `  ${printable(sentence)}`;
}

/** The same, folded for a terminal. */
export function progressLines(sentences: readonly string[], style: TextStyle): string {
  return sentences.map((sentence) => `${folded(style, 2, sentence).join('\n')}\n`).join('');
}
