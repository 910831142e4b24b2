// A reload that this machine speaks against is refused before the core is asked, and nothing is taken.
import t from 'tap';
import type { Engine } from '../../src/daemon/engine.js';
import { Reloader } from '../../src/daemon/reload.js';
import { smallConfig } from '../support/small-config.js';

t.test('reload: what this machine cannot serve is refused, and told', (t) => {
  const said: string[] = [];
  const say = (sentence: string): void => void said.push(sentence);
  const before = smallConfig();
  const unused = async (): Promise<void> => {
    t.fail('nothing is prepared or taken');
    return Promise.resolve();
  };
  const reloader = new Reloader(before, {
    read: () => ({ ok: true, value: smallConfig() }),
    engine: { newRequestId: () => 'q1' } as unknown as Engine,
    log: { info: say, warn: say, error: say } as never,
    objection: () => 'the watchdog would reset this machine',
    prepare: unused,
    use: () => void unused(),
    adopt: unused,
  });
  const answer = reloader.request(false);
  t.match(answer, {
    state: 'refused',
    message: 'the watchdog would reset this machine; the configuration in force stays',
  });
  t.strictSame(said, [`Reload: ${answer.message}`]);
  t.equal(reloader.config, before);
  t.end();
});
