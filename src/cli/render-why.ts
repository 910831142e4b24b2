import type { GroupOption, GroupWhy, NodeWhy, WhyAnswer } from '../base/why.js';
import { columns, folded, paint, type Cell, type Colour, type TextStyle } from './text.js';

const VERDICT_COLOUR: Readonly<Record<GroupOption['verdict'], Colour>> = {
  runs: 'green',
  possible: 'bold',
  rejected: 'yellow',
};

const INDENT = 2;
const DEEPER = 4;

/** Groups and nodes with the sentence of each decision first, then what it rests on. */
export function renderWhy(answer: Pick<WhyAnswer, 'groups' | 'nodes'>, style: TextStyle): string {
  const parts = [
    ...answer.groups.map((group) => groupLines(group, style)),
    ...answer.nodes.map((node) => nodeLines(node, style)),
  ];
  return `${parts.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function groupLines(why: GroupWhy, style: TextStyle): readonly string[] {
  const { latest } = why;
  return [
    ...headline(why.decision, style),
    ...listed('Evidence', why.evidence, style),
    ...optionLines(why.options, style),
    ...listed('In the way', why.blockers.map((blocker) => blocker.why), style),
    ...(latest === null
      ? []
      : listed('Latest', [`${latest.trigger} (${latest.outcome}; tandem history ${latest.id})`], style)),
  ];
}

function nodeLines(why: NodeWhy, style: TextStyle): readonly string[] {
  return [
    ...headline(why.decision, style),
    ...listed('Evidence', why.evidence, style),
    ...listed('Groups', why.groups.map(({ group, why: sentence }) => `${group}: ${sentence}`), style),
  ];
}

function headline(sentence: string, style: TextStyle): readonly string[] {
  return folded(style, 0, sentence).map((line) => paint(style, 'bold', line));
}

function listed(title: string, sentences: readonly string[], style: TextStyle): readonly string[] {
  if (sentences.length === 0) return [];
  return [
    `${' '.repeat(INDENT)}${title}`,
    ...sentences.flatMap((sentence) => folded(style, DEEPER, sentence)),
  ];
}

function optionLines(options: readonly GroupOption[], style: TextStyle): readonly string[] {
  if (options.length === 0) return [];
  const rows = options.map(({ node, verdict }): Cell[] => [
    { text: node },
    { text: verdict, colour: VERDICT_COLOUR[verdict] },
  ]);
  const heads = columns(style, DEEPER, rows);
  return [
    `${' '.repeat(INDENT)}Nodes`,
    ...options.flatMap(({ why }, index) => [heads[index] ?? '', ...folded(style, DEEPER + 2, why)]),
  ];
}
