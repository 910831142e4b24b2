// What `tandem drbd ACTION` does and refuses, on the real driver.

import t from 'tap';
import { playing } from './playing.js';

/** Under 60 s alone on two cores; a busy host takes several times that. */
await playing(t, 'drbd-actions', 420_000);
