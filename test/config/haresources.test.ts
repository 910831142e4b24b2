import t from 'tap';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseHaresources } from '../../src/config/haresources.js';

const parse = (text: string, existingScripts: readonly string[] = []) =>
  parseHaresources(
    { path: 'haresources', text, modeBits: 0o644 },
    { nodes: ['alpha', 'beta', 'gamma'], failback: 'when-synced', existingScripts },
  );
const said = (text: string) => parse(text).diagnostics.map(formatDiagnostic);
const specsOf = (text: string, scripts?: readonly string[]) => {
  const { value, diagnostics } = parse(text, scripts);
  t.same(diagnostics, [], text);
  return value.map((group) => group.resources);
};

const R0 = { kind: 'drbd', id: 'drbd:r0', resource: 'r0' };
const DB = {
  kind: 'filesystem',
  id: 'filesystem:/db',
  device: '/dev/drbd0',
  directory: '/db',
  fstype: 'ext4',
  options: [],
};
const ip = (address: string, more: object = {}) => ({
  kind: 'ip',
  id: `ip:${address}`,
  address,
  prefixLength: null,
  device: null,
  broadcast: null,
  ...more,
});
const script = (name: string, ...args: readonly string[]) => ({
  kind: 'script',
  id: [name, ...args].join('::'),
  name,
  args,
});

t.test('haresources: a database group as the DRBD manual has it', (t) => {
  const line = 'Alpha 10.9.0.100/24/eth0 drbddisk::r0 Filesystem::/dev/drbd0::/db::ext4 mysql\n';
  t.same(parse(line), {
    value: [
      {
        name: 'mysql',
        aliases: ['10.9.0.100/24/eth0'],
        prefer: ['alpha', 'beta', 'gamma'],
        failback: 'when-synced',
        resources: [
          ip('10.9.0.100', { prefixLength: 24, device: 'eth0' }),
          R0,
          DB,
          { kind: 'mysql', id: 'mysql', datadir: null, defaultsFile: null },
        ],
      },
    ],
    diagnostics: [],
  });
  t.end();
});

t.test('haresources words: each form of an address', (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ['10.0.0.1', ip('10.0.0.1')],
    ['10.0.0.1/24', ip('10.0.0.1', { prefixLength: 24 })],
    ['10.0.0.1/255.255.255.240', ip('10.0.0.1', { prefixLength: 28 })],
    ['10.0.0.1/24/eth0', ip('10.0.0.1', { prefixLength: 24, device: 'eth0' })],
    ['10.0.0.1/24/10.0.0.255', ip('10.0.0.1', { prefixLength: 24, broadcast: '10.0.0.255' })],
    [
      '10.0.0.1/24/eth0/10.0.0.255',
      ip('10.0.0.1', { prefixLength: 24, device: 'eth0', broadcast: '10.0.0.255' }),
    ],
    ['IPaddr::10.0.0.1', ip('10.0.0.1')],
    ['IPaddr2::10.0.0.1/24/bond0.7', ip('10.0.0.1', { prefixLength: 24, device: 'bond0.7' })],
  ];
  for (const [word, spec] of rows) t.same(specsOf(`alpha ${word}`), [[spec]], word);
  const labelled = parse('alpha 10.0.0.1/24/eth0:1');
  t.match(labelled.value, [{ resources: [{ device: 'eth0' }] }]);
  t.same(labelled.diagnostics.map(formatDiagnostic), [
    'haresources:1:19: warning: Label "eth0:1" is not used; expected the device, "eth0"',
  ]);
  t.end();
});

t.test('haresources words: file systems, MySQL and scripts', (t) => {
  const fs = (word: string) => specsOf(`alpha ${word}`)[0]?.[0];
  t.same(fs('Filesystem::/dev/sda1::/data1/'), {
    ...DB, id: 'filesystem:/data1', device: '/dev/sda1', directory: '/data1', fstype: null,
  });
  t.match(fs('Filesystem::/dev/sda1::/db::xfs::noatime,ro'), { fstype: 'xfs', options: ['noatime', 'ro'] });
  t.match(fs('Filesystem::/dev/sda1::/db::::ro'), { fstype: null, options: ['ro'] });
  t.match(fs('Filesystem::-Ldata::/db::auto'), { device: 'LABEL=data', fstype: null });
  t.match(fs('Filesystem::UUID=ab-cd::/db'), { device: 'UUID=ab-cd' });
  t.match(fs('Filesystem::nas:/export::/db::nfs'), { device: 'nas:/export' });
  for (const name of ['mysql', 'mysqld', 'mariadb']) {
    t.match(fs(name), { kind: 'mysql', id: 'mysql', datadir: null });
    t.match(fs(`${name}::/db/mysql/`), { kind: 'mysql', id: 'mysql:/db/mysql', datadir: '/db/mysql' });
    t.same(specsOf(`alpha ${name}::x`, [name]), [[script(name, 'x')]], 'a script of that name wins');
  }
  t.same(fs('httpd'), script('httpd'));
  t.same(fs('MailTo::root@x.org::Note'), script('MailTo', 'root@x.org', 'Note'));
  t.same(fs('OCF::pgsql::main'), script('OCF', 'pgsql', 'main'));
  t.same(fs('drbddisk::r0'), R0);
  t.end();
});

t.test('haresources: comments and continuations, where Heartbeat made resources of them', (t) => {
  const wanted = [[ip('10.0.0.1'), R0, DB, script('httpd')]];
  const fs = 'Filesystem::/dev/drbd0::/db::ext4';
  const same = [
    `alpha 10.0.0.1 drbddisk::r0 ${fs} httpd`,
    `  alpha\t10.0.0.1   drbddisk::r0 ${fs} httpd  # tail comment\r\n`,
    `alpha 10.0.0.1 \\\n  drbddisk::r0 \\\n  ${fs} httpd`,
    `alpha 10.0.0.1 \\  \t\n drbddisk::r0\\\n ${fs} httpd # one # two`,
    `alpha 10.0.0.1 drbddisk::r0 \\ # the disk\n  ${fs} \\# tail comment\n  httpd # tail comment`,
    `alpha 10.0.0.1 \\\r\n# a whole line, even with \\\n   # another\n drbddisk::r0 ${fs} httpd\r\n`,
    `# alpha 1.2.3.4 \\\n\nalpha 10.0.0.1 drbddisk::r0 ${fs} httpd\n#end`,
  ];
  for (const text of same) t.same(specsOf(text), wanted, JSON.stringify(text));
  t.same(said('alpha 10.0.0.1 \\'), [
    'haresources:1:16: warning: Nothing follows this backslash; expected one more line',
  ]);
  t.same(said('alpha 10.0.0.1 \\\nbeta httpd'), [
    'haresources:2:1: warning: Node "beta" begins a line that continues the one above;' +
      ' expected no backslash above a new group',
  ]);
  t.same(said('alpha 10.0.0.1 \\ httpd'), [
    'haresources:1:16: error: A backslash continues a line only at its end;' +
      ' expected a resource, or the "\\" at the end of the line',
  ]);
  t.same(specsOf('alpha httpd \\\n\nbeta nginx'), [[script('httpd')], [script('nginx')]]);
  t.end();
});

t.test('haresources errors: line, column and the form that was expected', (t) => {
  const IP_FORM = '"IPaddr::ADDRESS[/PREFIX[/INTERFACE][/BROADCAST]]"';
  const FS_FORM = '"Filesystem::DEVICE::DIRECTORY[::TYPE[::OPTIONS]]"';
  const rows: readonly (readonly [string, string])[] = [
    ['alpha', `1: error: The group of "alpha" has no resources; expected "NODE RESOURCE..."`],
    ['alhpa httpd', '1: error: Node "alhpa" is not in ha.cf; expected "alpha", "beta" or "gamma"; did you mean "alpha"'],
    ['alpha 10.0.0.256', '7: error: Service address cannot be "10.0.0.256"; expected an address such as 10.9.0.100'],
    ['alpha 10.0.0.1/33', '16: error: Prefix length cannot be "33"; expected 1 to 32, or a netmask such as 255.255.255.0'],
    ['alpha 10.0.0.1//eth0', '16: error: Prefix length cannot be ""; expected 1 to 32, or a netmask such as 255.255.255.0'],
    ['alpha 10.0.0.1/24/', '19: error: Interface cannot be ""; expected the name of a network interface, such as eth1'],
    ['alpha 10.0.0.1/24/10.0.0', '19: error: Broadcast address cannot be "10.0.0"; expected an address such as 10.9.0.255'],
    ['alpha 10.0.0.1/24/eth0/x', '24: error: Broadcast address cannot be "x"; expected an address such as 10.9.0.255'],
    ['alpha 10.0.0.1/24/eth0/10.0.0.255/7', `35: error: A further part cannot be "7"; expected ${IP_FORM}`],
    ['alpha 10.0.0.1/24/10.0.0.255/eth0', `30: error: A further part cannot be "eth0"; expected ${IP_FORM}`],
    ['alpha IPaddr', `7: error: Resource "IPaddr" has too few arguments; expected ${IP_FORM}`],
    ['alpha IPaddr2::10.0.0.1::eth0', `26: error: Resource "IPaddr2" has an argument too many; expected ${IP_FORM}`],
    ['alpha drbddisk', '7: error: Resource "drbddisk" has too few arguments; expected "drbddisk::RESOURCE"'],
    ['alpha drbddisk::r0::r1', '21: error: Resource "drbddisk" has an argument too many; expected "drbddisk::RESOURCE"'],
    ['alpha drbddisk::', '17: error: DRBD resource cannot be ""; expected "drbddisk::RESOURCE"'],
    ['alpha drbddisk::-r', '17: error: DRBD resource cannot be "-r"; expected "drbddisk::RESOURCE"'],
    ['alpha Filesystem::/dev/sda1', `7: error: Resource "Filesystem::/dev/sda1" has too few arguments; expected ${FS_FORM}`],
    ['alpha Filesystem::/a::/b::c::d::e', `33: error: Resource "Filesystem" has an argument too many; expected ${FS_FORM}`],
    ['alpha Filesystem::sda1::/db', '19: error: Device cannot be "sda1"; expected an absolute path, LABEL=NAME, UUID=ID or HOST:/PATH'],
    ['alpha Filesystem::/dev/sda1::db', '30: error: Mount point cannot be "db"; expected an absolute path'],
    ['alpha Filesystem::/dev/sda1::/db::-o', `35: error: File system type cannot be "-o"; expected ${FS_FORM}`],
    ['alpha mysql::db', '14: error: Data directory cannot be "db"; expected "mysql[::/DATADIR]"'],
    ['alpha mysqld::/db::x', '20: error: Resource "mysqld" has an argument too many; expected "mysqld[::/DATADIR]"'],
    ['alpha ../../bin/sh', '7: error: Resource cannot be "../../bin/sh"; expected the name of a script in resource.d or init.d, or an address'],
    ['alpha ::x', '7: error: Resource cannot be ""; expected the name of a script in resource.d or init.d, or an address'],
    ['alpha httpd::', '7: warning: Resource "httpd::" has an empty argument, which is left out; expected "SCRIPT::ARGUMENT"'],
    ['alpha Filesystem::/dev/drbd0::/db', '7: warning: Nothing on this line makes "/dev/drbd0" Primary before it is mounted; expected "drbddisk::RESOURCE" to the left of it'],
    ['alpha Filesystem::/dev/drbd0::/db drbddisk::r0', '7: warning: Nothing on this line makes "/dev/drbd0" Primary before it is mounted; expected "drbddisk::RESOURCE" to the left of it'],
  ];
  for (const [line, text] of rows) t.same(said(`\n${line}\n`), [`haresources:2:${text}`], line);
  t.same(said('alpha httpd\n  nginx'), [
    'haresources:2:3: error: Node "nginx" is not in ha.cf;' +
      ' expected "alpha", "beta" or "gamma"; to continue a line, end it with a backslash',
  ]);
  t.same(said('# nothing\n'), [
    'haresources: warning: There is no group; expected "NODE RESOURCE..."',
  ]);
  t.end();
});

t.test('haresources: a resource or disk used twice names both places', (t) => {
  t.same(said('alpha 10.0.0.1 httpd\nbeta IPaddr::10.0.0.1/24 nginx httpd\n'), [
    'haresources:2:6: error: Resource "ip:10.0.0.1" is used twice;' +
      ' the first time on line 1, column 7; expected each resource once',
    'haresources:2:32: error: Resource "httpd" is used twice;' +
      ' the first time on line 1, column 16; expected each resource once',
  ]);
  t.same(said('alpha Filesystem::/dev/sda1::/a\nbeta Filesystem::/dev/sda1::/b\n'), [
    'haresources:2:6: error: Device "/dev/sda1" is used twice;' +
      ' the first time on line 1, column 7; expected each resource once',
  ]);
  t.same(said('alpha Filesystem::/dev/sda1::/a Filesystem::/dev/sda1::/b'), [], 'in one group it is plain');
  t.end();
});

t.test('haresources: group names from the last word, aliases from the first', (t) => {
  const { value, diagnostics } = parse(
    [
      'alpha httpd',
      'beta 10.0.0.2 httpd::two',
      'gamma 10.0.0.3 httpd::three',
      'alpha httpd-2 IPaddr2::10.0.0.4/24',
      'beta httpd-2::x httpd-2::y',
    ].join('\n'),
  );
  t.same(diagnostics, []);
  t.same(value.map(({ name, aliases, prefer }) => [name, aliases, prefer[0]]), [
    ['httpd', [], 'alpha'],
    ['httpd-2', ['10.0.0.2'], 'beta'],
    ['httpd-3', ['10.0.0.3'], 'gamma'],
    ['10.0.0.4', [], 'alpha'],
    ['httpd-2-2', ['httpd-2::x'], 'beta'],
  ]);
  t.same(value[2]?.prefer, ['gamma', 'alpha', 'beta'], 'then the others in the order of ha.cf');
  t.end();
});
