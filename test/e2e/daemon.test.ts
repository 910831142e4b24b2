// The daemon on real parts: restarts, bad configuration, strangers, no DRBD.

import t from 'tap';
import { playing } from './playing.js';

/** 70 s alone on two cores; a busy host takes several times that. */
await playing(t, 'daemon', 420_000);
