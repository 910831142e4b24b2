// The bench floor: the steps of a takeover and of giving up as one tight bash script each.
//
// Nothing is decided and nothing is checked beyond what a step needs: a cluster manager can at
// best be as fast as this on the same machine. Each step prints `name milliseconds`.

import type { LabNode } from './node.js';
import { STORAGE } from './storage.js';
import { SERVICE_ADDRESS } from './writer.js';

/** The time of one step, in ms. */
export type FloorStep = { readonly step: string; readonly ms: number };

/** All steps in order, and the time from the script's first to its last line, in ms. */
export type FloorTimes = { readonly steps: readonly FloorStep[]; readonly totalMs: number };

const TIMEOUT_MS = 30_000;
const INTERFACE = 'vec0';

/** Microseconds without a fork; and a pause without one, by reading from a pipe nobody writes. */
const PRELUDE = `
exec {never}<> <(:)
pause() { read -r -t "$1" -u "$never"; }
now() { local text=\${EPOCHREALTIME/[.,]/}; us=$((10#$text)); }
now; begin=$us; last=$us
step() { now; echo "$1 $(( (us - last) / 1000 )).$(( (us - last) / 100 % 10 ))"; last=$us; }
finish() { now; echo "total $(( (us - begin) / 1000 )).$(( (us - begin) / 100 % 10 ))"; }
fail() { echo "$1" >&2; exit 1; }
`;

/** One perl process that looks every 10 ms whether the server greets a client on its socket. */
const READY = `perl -MSocket -e '
  for (1 .. 2000) {
    socket(my $s, PF_UNIX, SOCK_STREAM, 0);
    exit 0 if connect($s, sockaddr_un($ARGV[0])) && sysread($s, my $greeting, 5);
    select(undef, undef, undef, 0.01);
  }
  exit 1' ${STORAGE.socket}`;

const TAKE_OVER = `
if [[ $DISCONNECT == yes ]]; then
  drbdsetup disconnect $PEER --force; step disconnect
fi
drbdadm primary ${STORAGE.resource} || fail 'cannot promote'; step promote
mount ${STORAGE.device} ${STORAGE.mountPoint} || fail 'cannot mount'; step mount
ip address add ${SERVICE_ADDRESS}/24 dev ${INTERFACE} || fail 'cannot add the address'
arping -q -U -c 3 -I ${INTERFACE} ${SERVICE_ADDRESS} > /dev/null 2>&1 &
step address
setsid mariadbd > /var/log/mysql/start.log 2>&1 < /dev/null &
${READY} || fail 'the database did not start'; step database
finish
`;

const GIVE_UP = `
ip address del ${SERVICE_ADDRESS}/24 dev ${INTERFACE} || fail 'cannot remove the address'
step address
read -r server < /run/mysqld/mysqld.pid
kill "$server"
while kill -0 "$server" 2> /dev/null; do pause 0.005; done; step database
umount ${STORAGE.mountPoint} || fail 'cannot unmount'; step unmount
drbdadm secondary ${STORAGE.resource} || fail 'cannot demote'; step demote
finish
`;

/**
 * Promotes, mounts, adds the address and starts the database on a node, until the database
 * greets. With `disconnectFirst` DRBD first forgets the (dead) peer at once instead of waiting
 * for its own timeout; it then stays StandAlone until `drbdadm connect r0`. Throws with the step
 * that failed.
 */
export async function floorTakeOver(
  node: LabNode,
  options: { readonly disconnectFirst?: LabNode } = {},
): Promise<FloorTimes> {
  const peer = options.disconnectFirst;
  const addresses = peer === undefined
    ? ''
    : `ipv4:${node.addresses.replication}:7788 ipv4:${peer.addresses.replication}:7788`;
  const settings = `DISCONNECT=${peer === undefined ? 'no' : 'yes'} PEER='${addresses}'`;
  return run(node, `${settings}${PRELUDE}${TAKE_OVER}`);
}

/** Stops what `floorTakeOver` started, in reverse order, and demotes. */
export async function floorGiveUp(node: LabNode): Promise<FloorTimes> {
  return run(node, `${PRELUDE}${GIVE_UP}`);
}

async function run(node: LabNode, script: string): Promise<FloorTimes> {
  const text = await node.must(script, { timeoutMs: TIMEOUT_MS });
  const times = text.split('\n').map((line) => {
    const [step = '', ms = ''] = line.split(' ');
    return { step, ms: Number(ms) };
  });
  const total = times.find(({ step }) => step === 'total');
  if (total === undefined) throw new Error(`${node.name}: no total in:\n${text}`);
  return { steps: times.filter((each) => each !== total), totalMs: total.ms };
}
