// What `tandem drbd ACTION` does and refuses, on the real driver.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'drbd-actions');
