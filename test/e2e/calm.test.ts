// A healthy cluster on real parts: boot, cables, moves, leaving, mending.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'calm');
