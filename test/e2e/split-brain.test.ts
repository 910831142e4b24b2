// Split brains on real disks: explained, settled each way, and the false alarms.

import t from 'tap';
import { playing } from './playing.js';

/** Some two minutes alone on two cores; a busy host takes several times that. */
await playing(t, 'split-brain', 600_000);
