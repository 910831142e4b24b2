// The watchdog on real kernels: a node that has lost itself resets itself.

import t from 'tap';
import { playing } from '../playing.js';

await playing(t, 'watchdog');
