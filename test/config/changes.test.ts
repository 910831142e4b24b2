/** What an edited configuration means for a daemon that runs. */
import t from 'tap';
import { compareConfigs } from '../../src/config/changes.js';
import { FIRST_KEYS, smallConfig } from '../support/small-config.js';

t.test('changes: what is taken at a reload, and what takes a restart', (t) => {
  const before = smallConfig();
  t.strictSame(compareConfigs(before, smallConfig()), {
    changes: [],
    objections: [],
    reopensLinks: false,
  });
  const timing = compareConfigs(before, smallConfig((text) => text.replace('1500ms', '3s')));
  t.strictSame(timing, { changes: [], objections: [], reopensLinks: false });
  const links = compareConfigs(before, smallConfig((text) => text.replace('eth0', 'eth1')));
  t.strictSame(links.objections, []);
  t.strictSame(links.changes, ['the links are closed and opened again']);
  t.ok(links.reopensLinks);
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['cluster: shop', 'cluster: store', /^a change of the name of the cluster is taken by a restart/],
    ['  keepalive', '  port: 7000\n  keepalive', /^a change of the UDP port/],
  ];
  for (const [from, to, sentence] of rows) {
    const { objections } = compareConfigs(before, smallConfig((text) => text.replace(from, to)));
    t.match(objections, [sentence], to);
  }
  t.end();
});

t.test('changes: keys are rolled in steps that everybody understands', (t) => {
  const old = smallConfig();
  const both = smallConfig(undefined, `${FIRST_KEYS}2 sha256 second-key\n`);
  const signs = smallConfig(undefined, `auth 2\n2 sha256 second-key\n1 sha256 first-key\n`);
  const next = smallConfig(undefined, 'auth 2\n2 sha256 second-key\n');
  for (const [from, to] of [[old, both], [both, signs], [signs, next]] as const) {
    t.strictSame(compareConfigs(from, to).objections, []);
    t.ok(compareConfigs(from, to).reopensLinks);
  }
  t.match(compareConfigs(old, next).objections, [/^the others still sign with a key that is gone/]);
  t.match(compareConfigs(old, signs).objections, [/^the others do not accept the new key yet/]);
  t.notMatch(JSON.stringify(compareConfigs(old, next)), /first-key|second-key/);
  t.end();
});
