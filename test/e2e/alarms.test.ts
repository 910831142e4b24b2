// Full load is no death: nothing moves, nobody is fenced.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'alarms');
