/**
 * Writes docs/cluster.schema.json from the schema in src/config/cluster-schema.ts:
 *
 *     npm run build && node scripts/write-schema.mjs
 *
 * A test compares the two, so that the published file cannot fall behind.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { clusterJsonSchema } from '../dist/src/config/cluster-schema.js';

const path = fileURLToPath(new URL('../docs/cluster.schema.json', import.meta.url));
writeFileSync(path, `${JSON.stringify(clusterJsonSchema(), null, 2)}\n`);
console.log(`Wrote ${path}`);
