// What operators lay on the cluster, and a reload, on real parts.

import t from 'tap';
import { playing } from './playing.js';

await playing(t, 'holds');
