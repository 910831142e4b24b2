// How the daemon learns what the real DRBD driver does: from its event stream, else from its file.

import t from 'tap';
import { playing } from './playing.js';

/** 40 s alone on two cores; a busy host takes several times that. */
await playing(t, 'drbd-watch', 420_000);
