import t from 'tap';
import { formatDiagnostic } from '../../src/base/diagnostic.js';
import { parseAuthkeys } from '../../src/config/authkeys.js';

const parse = (text: string, modeBits = 0o600) =>
  parseAuthkeys({ path: '/etc/ha.d/authkeys', text, modeBits });
const said = (text: string, modeBits?: number) =>
  parse(text, modeBits).diagnostics.map((one) => formatDiagnostic(one).replace('/etc/ha.d/', ''));

const KEY = 'Vq3-secret-Zz9';

t.test('authkeys: all methods, in any order, with the key that signs', (t) => {
  const { value, diagnostics } = parse(`# keys\n1 sha256 ${KEY}\n\n auth 2 # signs\n2\tHMAC-SHA-256 #two\n`);
  t.same(diagnostics, []);
  t.same(value, {
    signing: { index: 2, method: 'sha256', key: '#two' },
    accepted: [
      { index: 1, method: 'sha256', key: KEY },
      { index: 2, method: 'sha256', key: '#two' },
    ],
  });
  t.match(parse('auth 0\n0 crc # no key\n').value, { signing: { index: 0, method: 'crc', key: '' } });
  t.match(parse('auth 15\r\n15 sha1 HI!\r\n3 md5 Hello!').value, {
    signing: { index: 15, method: 'sha1', key: 'HI!' },
    accepted: [{ index: 15 }, { index: 3, method: 'md5', key: 'Hello!' }],
  });
  t.end();
});

t.test('authkeys: old methods are accepted with a warning', (t) => {
  const kept = 'is kept for compatibility with Heartbeat';
  const expected = 'expected sha256 once all nodes run Tandem';
  t.same(said('auth 1\n1 crc\n2 md5 a\n3 sha1 b\n4 sha256 c'), [
    `authkeys:2:3: warning: Method "crc" ${kept}; anybody can forge it; ${expected}`,
    `authkeys:3:3: warning: Method "md5" ${kept}; sha256 is stronger; ${expected}`,
    `authkeys:4:3: warning: Method "sha1" ${kept}; sha256 is stronger; ${expected}`,
  ]);
  t.end();
});

t.test('authkeys: refused when group or others may read or write it', (t) => {
  for (const mode of [0o600, 0o400, 0o700]) t.same(said('auth 1\n1 sha256 x', mode), []);
  for (const [mode, text] of [
    [0o644, '0644'], [0o640, '0640'], [0o620, '0620'], [0o602, '0602'], [0o601, '0601'],
  ] as const) {
    t.same(parse('auth 1\n1 sha256 x', mode).diagnostics.map(formatDiagnostic), [
      `/etc/ha.d/authkeys: error: The keys are open to others than root: mode ${text};` +
        ' expected mode 0600; run "chmod 600 /etc/ha.d/authkeys"',
    ]);
  }
  t.end();
});

t.test('authkeys errors: line and column, never the key', (t) => {
  const form = 'expected "auth N, or N METHOD KEY"';
  const cure = 'write a long random word there';
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['', [': error: No auth line says which key signs; expected "auth N"']],
    [`3 sha256 ${KEY}`, [': error: No auth line says which key signs; expected "auth 3"']],
    ['auth', [
      ': error: No auth line says which key signs; expected "auth N"',
      ':1:1: error: The auth line names no key; expected an index, 0 to 15',
    ]],
    [`auth 2\n1 sha256 ${KEY}`, [':1:6: error: There is no key 2; expected a line "2 sha256 KEY"']],
    [`auth 1\nauth 2\n1 sha256 ${KEY}`, [':2:1: error: Line 1 names the signing key already; expected one auth line']],
    [`auth 1 ${KEY}\n1 sha256 x`, [':1:8: error: The auth line has a word too many; expected "auth N"']],
    [`auth 1\n1 sha256 ${KEY}\n1 sha256 ${KEY}`, [':3:1: error: Key 1 is on line 2 already; expected each index once']],
    [`auth 1\n1 sha265 ${KEY}`, [':2:3: error: The method is not known; expected sha256, sha1, md5 or crc; did you mean "sha256"']],
    [`auth 1\n1 ${KEY}`, [':2:3: error: The method is not known; expected sha256, sha1, md5 or crc']],
    ['auth 1\n1', [':2:1: error: The key has no method; expected sha256, sha1, md5 or crc']],
    ['auth 1\n1 sha256', [`:2:3: error: Method "sha256" needs a key; expected one word after it; ${cure}`]],
    ['auth 1\n1 sha256 # todo', [`:2:10: error: Method "sha256" needs a key; expected one word after it; ${cure}`]],
    [`auth 1\n1 sha256 a ${KEY}`, [':2:12: warning: The key ends at the first blank; the rest of the line is not used; expected a key without blanks']],
    [`auth 1\n1 sha256 x\n${KEY}`, [`:3:1: error: The line does not begin with "auth" or an index; ${form}`]],
    [`autth 1\nauth 1\n1 sha256 x`, [`:1:1: error: The line does not begin with "auth" or an index; ${form}; did you mean "auth"`]],
    [`auth 1\n1 sha256 x\n16 sha256 ${KEY}`, [`:3:1: error: The line does not begin with "auth" or an index; ${form}`]],
  ];
  for (const [text, texts] of rows) {
    t.same(said(text), texts.map((one) => `authkeys${one}`), JSON.stringify(text));
    t.notMatch(said(text).join('\n'), KEY, 'the key stays in the file');
  }
  t.match(said(`auth 1\n1 crc ${KEY}`), [
    /"crc" is kept/, 'authkeys:2:7: error: Method "crc" takes no key; expected nothing after "crc"',
  ]);
  t.end();
});
