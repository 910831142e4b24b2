import t from 'tap';
import {
  cureForHolders,
  describeDeviceHolders,
  deviceHolders,
  type DeviceFindings,
} from '../../src/resources/device-holders.js';
import { parseMountinfo } from '../../src/resources/mountinfo.js';

const NOTHING: DeviceFindings = {
  device: '/dev/drbd0',
  deviceNumber: '147:0',
  statNumber: '37632',
  namespaces: [],
  processes: [],
  stacked: [],
  isSwap: false,
};

const file = (path: string, fileDevice: string | null, blockDevice?: string) => ({
  how: 'fd' as const,
  path,
  fileDevice,
  ...(blockDevice === undefined ? {} : { blockDevice }),
});

const mounts = (text: string) => parseMountinfo(text).mounts;

t.test('device holders: mounts, what is stacked, swap and processes, in this order', (t) => {
  const holders = deviceHolders({
    ...NOTHING,
    namespaces: [
      { pid: null, mounts: mounts('25 16 147:0 / /db rw - ext4 /dev/drbd0 rw\n26 16 8:1 / / rw - ext4 /dev/sda1 rw') },
      { pid: 77, mounts: mounts('30 16 147:0 / /db rw - ext4 /dev/drbd0 rw\n31 16 147:0 / /jail rw - ext4 /dev/drbd0 rw') },
    ],
    processes: [
      { pid: 812, comm: 'mysqld', files: [file('/', '2049'), file('/db/ibdata1', '37632')] },
      { pid: 900, comm: 'dd', files: [file('/dev/drbd0', '5', '37632')] },
      { pid: 901, comm: 'other', files: [file('/dev/drbd1', '5', '37633'), file('/x', null)] },
    ],
    stacked: [{ name: 'dm-3', title: 'vg0-data' }, { name: 'loop1', title: null }],
    isSwap: true,
  });
  t.equal(
    describeDeviceHolders(holders.filter(({ kind }) => kind !== 'swap')),
    'mounted on /db (ext4), mounted on /jail (ext4) in the mount namespace of process 77, ' +
      'under the device-mapper device dm-3 "vg0-data", under the loop device loop1, ' +
      'used by mysqld (pid 812, /db/ibdata1), opened by dd (pid 900, /dev/drbd0)',
  );
  t.match(holders.map(({ kind }) => kind).join(), 'mount,mount,stacked,stacked,swap,process,process');
  t.match(describeDeviceHolders(holders), /in use as swap space, used by mysqld.*, 1 more$/);
  t.equal(
    cureForHolders(holders),
    'umount /db, end the container or service of process 77, ' +
      'deactivate vg0-data (vgchange -an, dmsetup remove), losetup -d /dev/loop1, ' +
      'swapoff the device, end what uses it, then repeat',
  );
  t.end();
});

t.test('device holders: a file system that hides its device is found by its source', (t) => {
  const namespaces = [
    { pid: null, mounts: mounts('40 16 0:44 / /data rw - btrfs /dev/drbd0 rw') },
  ];
  t.equal(
    describeDeviceHolders(deviceHolders({ ...NOTHING, namespaces })),
    'mounted on /data (btrfs)',
  );
  t.end();
});

t.test('device holders: nothing is named when nothing is known', (t) => {
  const stranger = { pid: 1, comm: 'init', files: [file('/', null), file('/a', '2049')] };
  t.strictSame(deviceHolders({ ...NOTHING, processes: [stranger] }), []);
  t.strictSame(deviceHolders({ ...NOTHING, statNumber: null, processes: [stranger] }), []);
  t.equal(describeDeviceHolders([]), '');
  t.end();
});
