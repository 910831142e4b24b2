#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { processConsole } from './console.js';
import { runProgram } from './program.js';

/** The package's own version; the file lies three folders above the compiled program. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.exitCode = await runProgram(process.argv.slice(2), packageVersion(), processConsole());
