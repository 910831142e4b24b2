// Stops that fail, and clusters without fencing, on real parts (S3).

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'stop');
