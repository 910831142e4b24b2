// DRBD's own fencing under the real driver: replication cut, power cut, no daemon.

import t from 'tap';
import { playing } from './playing.js';

/** 490 s on a host that did much else; the limit of a test that waits for the real driver. */
await playing(t, 'fence-peer', 700_000);
