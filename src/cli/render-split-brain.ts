import type { AccountChoice, AccountSide, SplitBrainAccount } from './split-brain-account.js';
import { folded, paint, printable, type Colour, type TextStyle } from './text.js';

/**
 * The account as a person reads it who was called at night: what it is, what each side has, who is
 * newer, what DRBD would do, and the commands. Commands stand alone on their lines, to be copied.
 */
export function renderAccount(account: SplitBrainAccount, style: TextStyle): string {
  const lines = [
    ...headline(account, style),
    ...account.sides.flatMap((side) => ['', ...sideLines(side, account, style)]),
    ...newerLines(account, style),
    ...policyLines(account, style),
    ...adviceLines(account, style),
    ...account.choices.flatMap((choice) => ['', ...choiceLines(choice, style)]),
  ];
  return `${lines.join('\n')}\n`;
}

function headline(account: SplitBrainAccount, style: TextStyle): string[] {
  const { resource, isSplitBrain, verdict, sentence } = account;
  const [word, colour] = titleOf(isSplitBrain, verdict);
  const text = sentence.replace(/^split brain: /, '');
  const [first = '', ...rest] = folded(style, 0, `${resource}: ${word}: ${text}`);
  return [first.replace(word, paint(style, colour, word)), ...rest];
}

function titleOf(isSplitBrain: boolean, verdict: string): readonly [string, Colour] {
  if (isSplitBrain) return ['SPLIT BRAIN', 'red'];
  if (verdict === 'unknown') return ['UNKNOWN', 'magenta'];
  if (verdict === 'unrelated') return ['NO SPLIT BRAIN, UNRELATED DATA', 'red'];
  return ['NO SPLIT BRAIN', 'green'];
}

function sideLines(side: AccountSide, account: SplitBrainAccount, style: TextStyle): string[] {
  const facts = [side.role, side.connection, side.disk].filter((word) => word !== 'Unknown');
  const state = facts.length === 0 ? 'state not known' : facts.join(' ');
  const title = `${side.node}  ${state}  (${side.source})`;
  if (side.changedSentence === '') return [printable(title)];
  const changed = account.isSplitBrain
    ? labelled(style, 'has', `${side.changedSentence} that the other side lacks`)
    : labelled(style, 'changed', `${side.changedSentence} since it lost the other side`);
  return [
    printable(title),
    ...changed,
    ...labelled(style, 'alone', side.aloneSentence),
    ...labelled(style, 'database', side.databaseSentence),
  ];
}

const LABEL_COLUMNS = 12;

function labelled(style: TextStyle, label: string, sentence: string): string[] {
  const [first = '', ...rest] = folded(style, LABEL_COLUMNS, sentence);
  return [`  ${label.padEnd(LABEL_COLUMNS - 2)}${first.slice(LABEL_COLUMNS)}`, ...rest];
}

function newerLines({ newer, isSplitBrain }: SplitBrainAccount, style: TextStyle): string[] {
  if (!isSplitBrain) return [];
  const verdict = newer.node === null ? 'cannot be told' : newer.node;
  return ['', `Newer side: ${verdict}`, ...newer.evidence.flatMap((text) => folded(style, 2, text))];
}

function policyLines({ policies, isSplitBrain }: SplitBrainAccount, style: TextStyle): string[] {
  if (!isSplitBrain) return [];
  const sentence =
    policies === null
      ? "not known, because the resource's configuration could not be read here"
      : policies.sentence;
  return ['', 'What DRBD would do on connecting with these roles, by its after-sb policies', ...folded(style, 2, sentence)];
}

/** A line such as `n1# drbdadm connect r0` is typed as it stands: it is never folded. */
function adviceLines({ advice }: SplitBrainAccount, style: TextStyle): string[] {
  if (advice.length === 0) return [];
  const lines = advice.flatMap((text) =>
    /^\S+# /.test(text) ? [`    ${printable(text)}`] : folded(style, 2, text),
  );
  return ['', 'What to do', ...lines];
}

function choiceLines(choice: AccountChoice, style: TextStyle): string[] {
  const { keep, discard, loses, command, byHand } = choice;
  return [
    `To keep ${keep} and discard ${discard} (${loses})`,
    ...(command === null
      ? folded(style, 2, 'by hand only: the sides share old history only, so everything is copied')
      : [`    ${printable(command)}`, '  or by hand, in this order']),
    ...byHand.map((step) => `    ${printable(`${step.node}# ${step.command}`)}`),
  ];
}
