// The daemon on real parts: restarts, bad configuration, strangers, no DRBD.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'daemon');
