// Split brains on real disks: explained, settled each way, and the false alarms.

import t from 'tap';
import { playing } from '../playing.js';

await playing(t, 'split-brain');
