// The Debian packages a lab needs on the host: which are missing, why they are needed, install.

import { existsSync } from 'node:fs';
import { run } from './process.js';

/** A host program of the lab, the Debian package that has it, and what it is for. */
export type Tool = { readonly file: string; readonly package: string; readonly why: string };

const TOOLS: readonly Tool[] = [
  { file: '/usr/bin/linux.uml', package: 'user-mode-linux', why: 'the kernel of the nodes' },
  { file: '/usr/bin/mmdebstrap', package: 'mmdebstrap', why: 'builds the nodes\' root disk' },
  { file: '/usr/sbin/mkfs.ext4', package: 'e2fsprogs', why: 'formats the nodes\' root disk' },
  { file: '/usr/bin/gcc', package: 'gcc', why: 'compiles the ptrace shim' },
  { file: '/usr/include/stdlib.h', package: 'libc6-dev', why: 'compiles the ptrace shim' },
  { file: '/usr/bin/ip', package: 'iproute2', why: 'bridges and taps' },
  { file: '/usr/bin/unshare', package: 'util-linux', why: 'namespaces of the lab\'s own' },
  { file: '/usr/bin/perl', package: 'perl-base', why: 'the serial null modem' },
];

/** What tests need beside the lab's tools. */
export const TEST_TOOLS: readonly Tool[] = [
  { file: '/usr/bin/socat', package: 'socat', why: 'the serial lines of the unit tests' },
];

const APT_ENV = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };
const UPDATE_TIMEOUT_MS = 180_000;
const INSTALL_TIMEOUT_MS = 600_000;

/** The tools that are not installed here, in a fixed order. */
export function missingTools(tools: readonly Tool[] = TOOLS): readonly Tool[] {
  return tools.filter(({ file }) => !existsSync(file));
}

/**
 * Installs what is missing, saying what and why on `log`.
 * Throws one sentence when packages are missing and this user cannot install them.
 */
export async function installPackages(
  log: (line: string) => void,
  tools: readonly Tool[] = TOOLS,
): Promise<void> {
  const missing = missingTools(tools);
  if (missing.length === 0) return;
  const names = [...new Set(missing.map((tool) => tool.package))];
  if (process.getuid?.() !== 0) {
    throw new Error(`the Debian packages ${names.join(', ')} are needed: install them as root`);
  }
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`${names.join(', ')} are needed, and this system has no apt-get`);
  }
  for (const tool of missing) log(`missing: ${tool.package} (${tool.why})`);
  await updatePackageLists(log);
  log(`apt-get install ${names.join(' ')}`);
  await run(['apt-get', 'install', '-y', '--no-install-recommends', ...names], {
    timeoutMs: INSTALL_TIMEOUT_MS,
    env: APT_ENV,
  });
  const still = missingTools(tools);
  if (still.length > 0) {
    throw new Error(`still missing after the installation: ${still.map((t) => t.file).join(', ')}`);
  }
}

/** Fetches the package lists of the host's own apt sources (root only). */
export async function updatePackageLists(log: (line: string) => void): Promise<void> {
  log('apt-get update');
  await run(['apt-get', 'update'], { timeoutMs: UPDATE_TIMEOUT_MS, env: APT_ENV });
}
