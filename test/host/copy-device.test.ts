import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { copyDevice, deviceBytes, freeBytes, usedBytes } from '../../src/host/copy-device.js';
import { folder } from '../support/temporary.js';

const MIB = 1_048_576;

t.test('copy: what is zero takes no room; size and content are the same', async (t) => {
  const at = folder(t);
  const from = join(at, 'device');
  writeFileSync(from, Buffer.concat([Buffer.alloc(3 * MIB), Buffer.from('a mark'), Buffer.alloc(MIB + 77)]));
  t.equal(await deviceBytes(from), 4 * MIB + 83);
  t.equal(await usedBytes(from), 4_096);
  const seen: number[] = [];
  const copy = await copyDevice(from, join(at, 'copy'), ({ readBytes }) => seen.push(readBytes));
  t.strictSame(copy, { totalBytes: 4 * MIB + 83, usedBytes: 4_096 });
  t.ok(readFileSync(join(at, 'copy')).equals(readFileSync(from)));
  t.ok(statSync(join(at, 'copy')).blocks * 512 < MIB, 'sparse');
  t.equal(statSync(join(at, 'copy')).mode & 0o777, 0o600, 'nobody else reads it');
  t.equal(seen.at(-1), copy.totalBytes);
  t.ok((await freeBytes(at)) > 0);
});

t.test('copy: never over a file, and never half a device for a whole one', async (t) => {
  const at = folder(t);
  const from = join(at, 'device');
  writeFileSync(from, Buffer.alloc(3 * MIB, 1));
  writeFileSync(join(at, 'there'), 'mine');
  await t.rejects(copyDevice(from, join(at, 'there')), /EEXIST/);
  t.equal(readFileSync(join(at, 'there'), 'utf8'), 'mine');
  await t.rejects(copyDevice(join(at, 'none'), join(at, 'new')), /ENOENT/);
  const shrinks = copyDevice(from, join(at, 'short'), () => truncateSync(from, 10));
  await t.rejects(shrinks, /has 3145728 bytes, but 1048576 could be read/);
});
