// What tandem simulate and tandem why say of a live cluster, beside what then happens.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'foretold');
