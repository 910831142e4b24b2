// DRBD's own fencing under the real driver: replication cut, power cut, no daemon.

import t from 'tap';
import { playing } from '../playing.js';

await playing(t, 'fence-peer');
