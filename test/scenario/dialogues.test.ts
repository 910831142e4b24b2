/**
 * Every `.txt` file beside this one is played and must answer word for word. To accept new
 * answers after reading them: TANDEM_GOLDEN=write npx tap test/scenario/dialogues.test.ts
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { play } from './dialogue.js';

const folder = fileURLToPath(new URL('.', import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));

t.ok(files.length >= 20, 'scenario: the dialogues are there');
for (const file of files) {
  const text = readFileSync(`${folder}${file}`, 'utf8');
  const played = play(text);
  if (process.env['TANDEM_GOLDEN'] === 'write') writeFileSync(`${folder}${file}`, played);
  t.equal(played, text, `scenario: ${(text.split('\n')[0] ?? '').replace(/^# /, '')} (${file})`);
}
