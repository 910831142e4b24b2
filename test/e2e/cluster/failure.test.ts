// A node dies, hangs or is cut off, on real parts: detection, fencing, takeover.

import t from 'tap';
import { playing } from '../playing.js';

await playing(t, 'failure');
