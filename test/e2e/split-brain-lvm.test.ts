// Split brains on LVM: the databases of both disks read through snapshots, and the loser saved as one.

import t from 'tap';
import { playing } from './playing.js';

/** A minute alone on two cores; a busy host takes several times that. */
await playing(t, 'split-brain-lvm', 400_000);
