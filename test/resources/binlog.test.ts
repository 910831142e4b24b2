import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { databasePosition } from '../../src/host/database-position.js';
import { generationBeganAt } from '../../src/drbd/kernel-log.js';
import {
  BINLOG_START,
  isBinlog,
  NO_TRANSACTION,
  scanBinlog,
  type BinlogScan,
} from '../../src/resources/binlog.js';
import { folder } from '../support/temporary.js';

const MAGIC = [0xfe, 0x62, 0x69, 0x6e];

/** One event as a server writes it. */
function event(type: number, seconds: number, body: readonly number[] = []): number[] {
  const bytes = new DataView(new ArrayBuffer(19));
  bytes.setUint32(0, seconds, true);
  bytes.setUint8(4, type);
  bytes.setUint32(5, 7, true);
  bytes.setUint32(9, 19 + body.length, true);
  return [...new Uint8Array(bytes.buffer), ...body];
}

function mariaGtid(seconds: number, sequence: number): number[] {
  return event(162, seconds, [sequence, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, ...Array<number>(20).fill(0)]);
}

function mysqlGtid(seconds: number, number: number): number[] {
  const source = Array.from({ length: 16 }, (_, index) => index + 0x10);
  return event(33, seconds, [1, ...source, number, ...Array<number>(7).fill(0), ...Array<number>(20).fill(0)]);
}

const START = [...MAGIC, ...event(15, 100, Array<number>(40).fill(0))];
const FRESH: BinlogScan = { at: BINLOG_START, end: NO_TRANSACTION };

function endOf(bytes: readonly number[]): unknown {
  return scanBinlog(Uint8Array.from(bytes), 0, FRESH).end;
}

t.test('binlog: the last transaction (MariaDB, MySQL, without GTID)', (t) => {
  t.strictSame(endOf(START), NO_TRANSACTION, 'a restart is no transaction');
  const maria = [...START, ...mariaGtid(200, 5), ...event(2, 201), ...mariaGtid(300, 6), ...event(16, 301)];
  t.strictSame(endOf(maria), { seconds: 301, gtid: '3-7-6' });
  t.strictSame(endOf([...START, ...mysqlGtid(400, 9), ...event(16, 401), ...event(3, 999)]), {
    seconds: 401,
    gtid: '10111213-1415-1617-1819-1a1b1c1d1e1f:9',
  });
  t.strictSame(endOf([...START, ...event(2, 500)]), { seconds: 500, gtid: null });
  t.ok(isBinlog(Uint8Array.from(START)));
  t.notOk(isBinlog(Uint8Array.from([0xfd, 0x62, 0x69, 0x6e])), 'encrypted');
  t.end();
});

t.test('binlog: read in pieces of any size it tells the same, and no bytes break it', (t) => {
  const whole = [...START, ...mariaGtid(200, 5), ...event(16, 201), ...mariaGtid(300, 6), ...event(16, 301)];
  fc.assert(
    fc.property(fc.integer({ min: 60, max: whole.length }), (size) => {
      let scan = FRESH;
      for (let turn = 0; turn < 50; turn += 1) {
        const piece = Uint8Array.from(whole.slice(scan.at, scan.at + size));
        scan = scanBinlog(piece, scan.at, scan);
      }
      return scan.end.gtid === '3-7-6' && scan.end.seconds === 301;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { at } = scanBinlog(bytes, 0, FRESH);
      return at >= BINLOG_START;
    }),
  );
  t.end();
});

t.test('database position: from the files of a data folder, older files when the newest is empty', async (t) => {
  const at = folder(t);
  t.strictSame(await databasePosition(join(at, 'none')), { kind: 'unknown', why: 'notMounted' });
  t.strictSame(await databasePosition(at), { kind: 'unknown', why: 'noBinlog' });
  writeFileSync(join(at, 'relay-bin.index'), './relay-bin.000001\n');
  t.strictSame(await databasePosition(at), { kind: 'unknown', why: 'noBinlog' }, 'a relay log is none');
  writeFileSync(join(at, 'b.000001'), Uint8Array.from([...START, ...mariaGtid(300, 6), ...event(16, 301)]));
  writeFileSync(join(at, 'b.000002'), Uint8Array.from(START));
  writeFileSync(join(at, 'b.index'), './b.000001\n./b.000002\n');
  t.strictSame(await databasePosition(at), {
    kind: 'binlog',
    file: 'b.000002',
    bytes: START.length,
    lastEventSeconds: 301,
    gtid: '3-7-6',
  });
  // Mounted elsewhere, an absolute name must not lead to what is at that place now.
  writeFileSync(join(at, 'b.index'), '/db/mysql/b.000001\n/db/mysql/b.000002\n');
  t.match(await databasePosition(at), { kind: 'unknown' });
  const elsewhere = { from: '/db/mysql', to: at };
  t.match(await databasePosition(at, elsewhere), { kind: 'binlog', file: 'b.000002', gtid: '3-7-6' });
  writeFileSync(join(at, 'b.index'), `${at}/b.000001\n`);
  t.strictSame(await databasePosition(at, elsewhere), { kind: 'unknown', why: 'unreadable' });
  writeFileSync(join(at, 'b.index'), './b.000003\n');
  mkdirSync(join(at, 'b.000003'));
  t.match(await databasePosition(at), { kind: 'unknown', why: 'unreadable' });
});

t.test('kernel log: when a generation began; bit 0 is the role', (t) => {
  const log = `[    1.000000] drbd: initialized
[   61.402113] drbd r0/0 drbd0: new current UUID 0E00F5D4B1A06EAB:977BC1D2E3F414DC:0:0
[   70.100000] block drbd0: new current UUID A2C9F5D4B1A05EFE:0E00F5D4B1A06EAB:0:0
`;
  t.equal(generationBeganAt(log, 0x0e00f5d4b1a06eaan), 61.402113);
  t.equal(generationBeganAt(log, 0xa2c9f5d4b1a05effn), 70.1);
  t.equal(generationBeganAt(log, 5n), null);
  t.equal(generationBeganAt('', 5n), null);
  t.end();
});
