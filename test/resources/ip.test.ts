import fc from 'fast-check';
import t from 'tap';
import { IP } from '../../src/resources/ip.js';
import {
  addressHex,
  isLocalInFibTrie,
  parseIfInet6,
  parseIpv4Routes,
  parseIpv6Routes,
  routeTo,
  sameNetwork,
} from '../../src/resources/network-tables.js';
import type {
  InterfaceAddress,
  Plan,
  Reading,
  Readings,
  ResourceAction,
} from '../../src/resources/plan.js';
import type { IpSpec } from '../../src/resources/spec.js';
import { commandsOf, contextOf } from './context.js';

const SPEC: IpSpec = {
  kind: 'ip',
  id: 'ip:10.9.0.100',
  address: '10.9.0.100',
  prefixLength: 24,
  device: null,
  broadcast: null,
};
const CONTEXT = contextOf({ programs: { ip: '/sbin/ip', arping: '/usr/bin/arping' } });

/** The shape of a machine with 10.9.0.1/24 and, when told so, the service address. */
function fibTrie(withService: boolean): string {
  return [
    'Main:',
    '  +-- 0.0.0.0/0 3 0 5',
    '     |-- 0.0.0.0',
    '        /0 universe UNICAST',
    '     +-- 10.9.0.0/24 2 0 1',
    '        |-- 10.9.0.0',
    '           /24 link UNICAST',
    '        |-- 10.9.0.1',
    '           /32 host LOCAL',
    ...(withService ? ['        |-- 10.9.0.100', '           /32 host LOCAL'] : []),
    '        |-- 10.9.0.255',
    '           /32 link BROADCAST',
    'Local:',
    '  +-- 10.9.0.0/24 2 0 1',
    '     |-- 10.9.0.1',
    '        /32 host LOCAL',
    '',
  ].join('\n');
}

const ROUTES = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
  'eth9\t00000000\t0109090A\t0003\t0\t0\t0\t00000000\t0\t0\t0',
  'eth0\t0000090A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0',
  'eth1\t0000090A\t00000000\t0001\t0\t0\t50\t00FFFFFF\t0\t0\t0',
  'eth2\t0000090A\t00000000\t0201\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  'eth3\t0000090A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
  '',
].join('\n');

/** fd00::/64 on eth1, without a gateway. */
const ZEROS = '0'.repeat(32);
const IPV6_ROUTE =
  `fd${'0'.repeat(30)} 40 ${ZEROS} 00 ${ZEROS} ` +
  '00000100 00000001 00000000 00000001     eth1';

const BASE: InterfaceAddress = { device: 'eth1', address: '10.9.0.1', prefixLength: 24 };

function readingsOf(service: readonly InterfaceAddress[], overrides: Readings = {}): Readings {
  return {
    addresses: { kind: 'addresses', addresses: [BASE, ...service] },
    local: { kind: 'text', text: fibTrie(service.length > 0) },
    routes: { kind: 'text', text: ROUTES },
    ...overrides,
  };
}

function on(device: string, prefixLength = 24): InterfaceAddress {
  return { device, address: '10.9.0.100', prefixLength };
}

function planFor(action: ResourceAction, readings: Readings, spec = SPEC): Plan {
  return IP.plan(spec, action, IP.interpret(spec, readings, CONTEXT), CONTEXT);
}

t.test('network tables: addresses as hexadecimal', (t) => {
  const rows: readonly [string, string | null][] = [
    ['10.9.0.100', '0a090064'],
    ['255.255.255.255', 'ffffffff'],
    ['10.9.0', null],
    ['10.9.0.256', null],
    ['10.9.0.x', null],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fd00::5', 'fd000000000000000000000000000005'],
    ['FD00:0:0:0:0:0:0:5', 'fd000000000000000000000000000005'],
    ['fd00::10.9.0.1', 'fd00000000000000000000000a090001'],
    ['1:2:3:4:5:6:7', null],
    ['1::2::3', null],
    ['1:2:3:4:5:6:7::8', null],
    ['fd00::g', null],
    ['fd00::10.9.0.300', null],
    ['', null],
  ];
  for (const [address, hex] of rows) t.equal(addressHex(address), hex, address);
  fc.assert(fc.property(fc.ipV6(), (address) => addressHex(address)?.length === 32));
  fc.assert(fc.property(fc.ipV4(), (address) => addressHex(address)?.length === 8));
  t.end();
});

t.test('network tables: networks bit by bit', (t) => {
  t.ok(sameNetwork('0a090064', '0a090001', 24));
  t.ok(sameNetwork('0a090064', '0a09007f', 26 - 1));
  t.notOk(sameNetwork('0a090064', '0a0900c8', 25));
  t.ok(sameNetwork('0a090064', '0a090064', 32));
  t.notOk(sameNetwork('0a090064', '0a090065', 32));
  t.ok(sameNetwork('0a090064', 'ffffffff', 0));
  t.notOk(sameNetwork('0a090064', '0'.repeat(32), 0), 'another family');
  const word = fc.nat({ max: 0xffffffff });
  const hex = (n: number): string => n.toString(16).padStart(8, '0');
  const property = fc.property(word, word, fc.integer({ min: 1, max: 32 }), (a, b, length) => {
    const mask = (0xffffffff << (32 - length)) >>> 0;
    return sameNetwork(hex(a), hex(b), length) === (((a ^ b) & mask) >>> 0 === 0);
  });
  fc.assert(property);
  t.end();
});

t.test('network tables: fib_trie, if_inet6 and both route tables', (t) => {
  t.ok(isLocalInFibTrie(fibTrie(true), '10.9.0.100'));
  t.notOk(isLocalInFibTrie(fibTrie(false), '10.9.0.100'));
  t.notOk(isLocalInFibTrie(fibTrie(true), '10.9.0.255'), 'a broadcast address');
  t.notOk(isLocalInFibTrie(fibTrie(true), '10.9.0.10'), 'a prefix of an address');
  t.same(parseIfInet6('fd000000000000000000000000000005 02 40 00 88     eth1\nbad\n'), [
    { hex: 'fd000000000000000000000000000005', prefixLength: 64, device: 'eth1', duplicate: true },
  ]);
  const routes = parseIpv4Routes(ROUTES);
  t.same(routes.map(({ device }) => device), ['eth9', 'eth0', 'eth1', 'eth3'], 'no reject route');
  t.match(routeTo('0a090064', routes), {
    device: 'eth1',
    prefixLength: 24,
    networkHex: '0a090000',
  });
  t.match(routeTo('c0000201', routes), { device: 'eth9', prefixLength: 0 }, 'the default route');
  t.equal(routeTo('c0000201', []), null);
  const line = IPV6_ROUTE;
  const unusable = line.replace('00000001     eth1', '00200200       lo');
  t.same(parseIpv6Routes(`${line}\n${unusable}\n`), [
    { device: 'eth1', networkHex: `fd${'0'.repeat(30)}`, prefixLength: 64, metric: 256 },
  ]);
  t.end();
});

t.test('ip: facts without a fork', (t) => {
  t.notOk(IP.probes(SPEC, CONTEXT).some(({ kind }) => kind === 'command'));
  const hidden: Readings = { local: { kind: 'text', text: fibTrie(true) } };
  const onEth1 = { ...SPEC, device: 'eth1' };
  const rows: readonly [string, IpSpec, Readings, string, string][] = [
    ['absent', SPEC, readingsOf([]), 'stopped', '10.9.0.100 is not on this machine'],
    ['present', SPEC, readingsOf([on('eth1')]), 'started', '10.9.0.100 is on eth1'],
    ['as configured', onEth1, readingsOf([on('eth1')]), 'started', '10.9.0.100 is on eth1'],
    ['elsewhere', onEth1, readingsOf([on('eth0')]), 'failed', '10.9.0.100 is on eth0, not on eth1'],
    [
      'twice',
      onEth1,
      readingsOf([on('eth1'), on('eth0')]),
      'failed',
      '10.9.0.100 is on eth0, not on eth1',
    ],
    [
      'known to the kernel only',
      SPEC,
      readingsOf([], hidden),
      'partial',
      '10.9.0.100 is set, but on an interface that is down or has no carrier',
    ],
  ];
  for (const [title, spec, readings, state, reason] of rows) {
    const facts = IP.interpret(spec, readings, CONTEXT);
    t.same([facts.state, facts.reason], [state, reason], title);
  }
  t.end();
});

t.test('ip: what cannot be read is unknown (S3)', (t) => {
  const unreadable: Reading = { kind: 'unreadable', reason: 'EACCES' };
  for (const name of ['local', 'addresses']) {
    const facts = IP.interpret(SPEC, readingsOf([], { [name]: unreadable }), CONTEXT);
    t.match(facts, {
      state: 'unknown',
      reason: 'Cannot read the addresses of this machine: EACCES',
    });
  }
  const unknown = readingsOf([], { local: unreadable });
  t.equal(planFor('start', unknown).kind, 'refused');
  t.equal(planFor('stop', unknown).kind, 'refused');
  t.end();
});

t.test('ip: a start adds the address and announces it in the background', (t) => {
  const announce = (device: string): string =>
    `/usr/bin/arping -q -U -c 3 -I ${device} 10.9.0.100 (background)`;
  const rows: readonly [string, Partial<IpSpec>, readonly string[]][] = [
    [
      'device of the route',
      {},
      ['/sbin/ip address add 10.9.0.100/24 dev eth1', announce('eth1')],
    ],
    [
      'everything given',
      { device: 'eth0', prefixLength: 25, broadcast: '10.9.0.127' },
      [
        '/sbin/ip address add 10.9.0.100/25 dev eth0 broadcast 10.9.0.127',
        announce('eth0'),
      ],
    ],
    [
      'prefix length of the address beside it',
      { prefixLength: null },
      ['/sbin/ip address add 10.9.0.100/24 dev eth1', announce('eth1')],
    ],
    [
      'prefix length of the route',
      { prefixLength: null, device: 'eth3' },
      ['/sbin/ip address add 10.9.0.100/16 dev eth3', announce('eth3')],
    ],
    [
      'a host address when no network tells',
      { prefixLength: null, device: 'eth9' },
      ['/sbin/ip address add 10.9.0.100/32 dev eth9', announce('eth9')],
    ],
  ];
  for (const [title, overrides, commands] of rows) {
    const plan = planFor('start', readingsOf([]), { ...SPEC, ...overrides });
    t.same(commandsOf(plan), commands, title);
  }
  const narrow: Readings = {
    addresses: {
      kind: 'addresses',
      addresses: [{ ...BASE, address: '10.9.0.99', prefixLength: 28 }],
    },
  };
  const plan = planFor('start', readingsOf([], narrow), { ...SPEC, prefixLength: null });
  t.match(commandsOf(plan), [/ add 10\.9\.0\.100\/28 dev eth1$/], 'the address beside it wins');
  t.same(commandsOf(planFor('start', readingsOf([on('eth1')]))), []);
  t.equal(
    commandsOf(planFor('start', readingsOf([], { routes: { kind: 'absent' } }))),
    'No interface has a route to 10.9.0.100: name the device',
  );
  t.equal(
    commandsOf(planFor('start', readingsOf([on('eth0')]), { ...SPEC, device: 'eth1' })),
    '10.9.0.100 is on eth0, not on eth1',
  );
  t.end();
});

t.test('ip: a stop removes the address from wherever it is', (t) => {
  t.same(commandsOf(planFor('stop', readingsOf([]))), []);
  t.same(commandsOf(planFor('stop', readingsOf([on('eth1', 32)]))), [
    '/sbin/ip address del 10.9.0.100/32 dev eth1',
  ]);
  const both = readingsOf([on('eth1'), on('eth0', 25)]);
  t.same(commandsOf(planFor('stop', both, { ...SPEC, device: 'eth1' })), [
    '/sbin/ip address del 10.9.0.100/24 dev eth1',
    '/sbin/ip address del 10.9.0.100/25 dev eth0',
  ]);
  const hidden = readingsOf([], { local: { kind: 'text', text: fibTrie(true) } });
  t.same(commandsOf(planFor('stop', hidden)), ['/sbin/ip address flush to 10.9.0.100/32']);
  t.end();
});

t.test('ip: IPv6 from its own tables, without duplicate address detection', (t) => {
  const spec: IpSpec = { ...SPEC, address: 'fd00::5', prefixLength: null };
  const own = 'fd000000000000000000000000000001 02 40 00 80     eth1';
  const table = (...lines: string[]): Readings => ({
    local: { kind: 'text', text: [own, ...lines, ''].join('\n') },
    routes: { kind: 'text', text: `${IPV6_ROUTE}\n` },
  });
  t.same(commandsOf(planFor('start', table(), spec)), [
    '/sbin/ip address add fd00::5/64 dev eth1 nodad',
  ]);
  const there = table('fd000000000000000000000000000005 02 40 00 80     eth1');
  t.equal(IP.interpret(spec, there, CONTEXT).state, 'started');
  t.same(commandsOf(planFor('stop', there, spec)), ['/sbin/ip address del fd00::5/64 dev eth1']);
  const duplicate = table('fd000000000000000000000000000005 02 40 00 88     eth1');
  t.match(IP.interpret(spec, duplicate, CONTEXT), {
    state: 'failed',
    reason: 'Another machine answers for fd00::5 (duplicate)',
  });
  t.equal(IP.interpret(spec, { local: { kind: 'absent' } }, CONTEXT).state, 'stopped', 'no IPv6');
  t.end();
});
