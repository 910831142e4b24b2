// Where the service runs, and what is done when parts of it fail, on real parts.

import t from 'tap';
import { playing } from './playing.js';

/** 60 s alone on two cores; a busy host takes several times that. */
await playing(t, 'policy', 420_000);
