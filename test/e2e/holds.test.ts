// What operators lay on the cluster, and a reload, on real parts.

import t from 'tap';
import { playing } from './playing.js';

/** 60 s alone on two cores; a busy host takes several times that. */
await playing(t, 'holds', 420_000);
