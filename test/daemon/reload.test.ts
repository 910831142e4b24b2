// A reload that this machine speaks against is refused before the core is asked, and nothing is taken.
import t from 'tap';
import type { Config } from '../../src/config/config.js';
import { buildNativeConfig } from '../../src/config/load.js';
import type { Engine } from '../../src/daemon/engine.js';
import { Reloader } from '../../src/daemon/reload.js';

const YAML = `cluster: shop
nodes: [n1, n2]
heartbeat:
  keepalive: 200ms
  deadtime: 1500ms
  links: [{ ucast: eth0, addresses: { n1: 10.0.0.1, n2: 10.0.0.2 } }]
groups:
  web:
    prefer: [n1, n2]
    resources: [{ ip: 10.9.0.100/24 }]
`;

function config(): Config {
  const clusterYaml = { path: 'cluster.yaml', text: YAML, modeBits: 0o644 };
  const authkeys = { path: 'authkeys', text: 'auth 1\n1 sha256 a-key\n', modeBits: 0o600 };
  const built = buildNativeConfig({ self: 'n1', directory: '/etc/tandem', clusterYaml, authkeys });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value;
}

t.test('reload: what this machine cannot serve is refused, and told', (t) => {
  const said: string[] = [];
  const say = (sentence: string): void => void said.push(sentence);
  const before = config();
  const unused = async (): Promise<void> => {
    t.fail('nothing is prepared or taken');
    return Promise.resolve();
  };
  const reloader = new Reloader(before, {
    read: () => ({ ok: true, value: config() }),
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
