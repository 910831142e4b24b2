// How the daemon learns what the real DRBD driver does: from its event stream, else from its file.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'drbd-watch');
