// Three nodes, one of them a witness, on real parts: only a majority may shoot.

import t from 'tap';
import { playing } from '../playing.js';

await playing(t, 'three');
