// Where the service runs, and what is done when parts of it fail, on real parts.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'policy');
