// What the host's own apt configuration says: where packages come from, and how they are fetched.

import { existsSync, readFileSync } from 'node:fs';
import { updatePackageLists } from './packages.js';
import { run } from './process.js';

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const TIMEOUT_MS = 30_000;

/** The host's distribution, from os-release: `id` such as debian, `codename` such as bookworm. */
export type Distribution = { readonly id: string; readonly codename: string };

/** Reads /etc/os-release; unknown fields are empty strings. */
export function distribution(): Distribution {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  const field = (name: string): string =>
    new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  return { id: field('ID'), codename: field('VERSION_CODENAME') };
}

/**
 * The distribution's own archives as one-line apt sources, as this host is configured to reach
 * them. Fetches the package lists first when the host has none. Throws when nothing is found.
 */
export async function debianSources(
  codename: string,
  log: (line: string) => void,
): Promise<readonly string[]> {
  let lines = await knownSources(codename);
  if (lines.length === 0) {
    await updatePackageLists(log);
    lines = await knownSources(codename);
  }
  if (lines.length === 0) throw new Error(`apt on this host knows no archive of ${codename}`);
  return lines;
}

async function knownSources(codename: string): Promise<readonly string[]> {
  const format = '$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)';
  const text = await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'], {
    timeoutMs: TIMEOUT_MS,
  });
  const lines = new Set<string>();
  for (const line of text.split('\n')) {
    const [origin = '', uri = '', suite = '', component = ''] = line.split('|');
    const ours = suite === codename || suite.startsWith(`${codename}-`);
    if (!ours || !/^(Debian|Ubuntu)/.test(origin)) continue;
    const signed = origin === 'Debian' && existsSync(DEBIAN_KEYRING);
    lines.add(`deb ${signed ? `[signed-by=${DEBIAN_KEYRING}] ` : ''}${uri} ${suite} ${component}`);
  }
  return [...lines];
}

/** The host's settings for fetching packages (proxies, checks, retries), for `--aptopt`. */
export async function aptOptions(): Promise<readonly string[]> {
  const text = await run(['apt-config', 'dump', '--no-empty'], { timeoutMs: TIMEOUT_MS });
  const wanted = /^Acquire::(https?|ForceIPv|Check-|Retries|Proxy)[^ ]* "/i;
  return text.split('\n').filter((line) => wanted.test(line));
}
