// Stops that fail, and clusters without fencing, on real parts (S3).

import t from 'tap';
import { playing } from './playing.js';

/** 70 s alone on two cores; a busy host takes several times that. */
await playing(t, 'stop', 420_000);
