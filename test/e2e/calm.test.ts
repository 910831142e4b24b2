// A healthy cluster on real parts: boot, cables, moves, leaving, mending.

import t from 'tap';
import { playing } from './playing.js';

/** 70 s alone on two cores; a busy host takes several times that. */
await playing(t, 'calm', 420_000);
