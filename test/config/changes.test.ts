/** What an edited configuration means for a daemon that runs. */
import t from 'tap';
import { compareConfigs } from '../../src/config/changes.js';
import type { Config } from '../../src/config/config.js';
import { buildNativeConfig } from '../../src/config/load.js';

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
const KEYS = 'auth 1\n1 sha256 first-key\n';

function config(edit: (text: string) => string = (text) => text, keys = KEYS): Config {
  const clusterYaml = { path: 'cluster.yaml', text: edit(YAML), modeBits: 0o644 };
  const authkeys = { path: 'authkeys', text: keys, modeBits: 0o600 };
  const built = buildNativeConfig({ self: 'n1', directory: '/etc/tandem', clusterYaml, authkeys });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value;
}

t.test('changes: what is taken at a reload, and what takes a restart', (t) => {
  const before = config();
  t.strictSame(compareConfigs(before, config()), {
    changes: [],
    objections: [],
    reopensLinks: false,
  });
  const timing = compareConfigs(before, config((text) => text.replace('1500ms', '3s')));
  t.strictSame(timing, { changes: [], objections: [], reopensLinks: false });
  const links = compareConfigs(before, config((text) => text.replace('eth0', 'eth1')));
  t.strictSame(links.objections, []);
  t.strictSame(links.changes, ['the links are closed and opened again']);
  t.ok(links.reopensLinks);
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['cluster: shop', 'cluster: store', /^a change of the name of the cluster is taken by a restart/],
    ['  keepalive', '  port: 7000\n  keepalive', /^a change of the UDP port/],
  ];
  for (const [from, to, sentence] of rows) {
    const { objections } = compareConfigs(before, config((text) => text.replace(from, to)));
    t.match(objections, [sentence], to);
  }
  t.end();
});

t.test('changes: keys are rolled in steps that everybody understands', (t) => {
  const old = config();
  const both = config(undefined, `${KEYS}2 sha256 second-key\n`);
  const signs = config(undefined, `auth 2\n2 sha256 second-key\n1 sha256 first-key\n`);
  const next = config(undefined, 'auth 2\n2 sha256 second-key\n');
  for (const [from, to] of [[old, both], [both, signs], [signs, next]] as const) {
    t.strictSame(compareConfigs(from, to).objections, []);
    t.ok(compareConfigs(from, to).reopensLinks);
  }
  t.match(compareConfigs(old, next).objections, [/^the others still sign with a key that is gone/]);
  t.match(compareConfigs(old, signs).objections, [/^the others do not accept the new key yet/]);
  t.notMatch(JSON.stringify(compareConfigs(old, next)), /first-key|second-key/);
  t.end();
});
