/** The configuration of a small cluster, as built from its files; edited where a test wants another. */
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
export const FIRST_KEYS = 'auth 1\n1 sha256 first-key\n';

export function smallConfig(
  edit: (text: string) => string = (text) => text,
  keys = FIRST_KEYS,
): Config {
  const clusterYaml = { path: 'cluster.yaml', text: edit(YAML), modeBits: 0o644 };
  const authkeys = { path: 'authkeys', text: keys, modeBits: 0o600 };
  const built = buildNativeConfig({ self: 'n1', directory: '/etc/tandem', clusterYaml, authkeys });
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  return built.value;
}
