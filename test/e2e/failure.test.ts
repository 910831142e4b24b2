// A node dies, hangs or is cut off, on real parts: detection, fencing, takeover.

import t from 'tap';
import { playing } from './playing.js';

/** 70 s alone on two cores; a busy host takes several times that. */
await playing(t, 'failure', 420_000);
