// The nodes' root disk and the ptrace shim: built once, cached outside the repository.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { aptOptions, debianSources, distribution } from './apt.js';
import { installPackages } from './packages.js';
import { repositoryRoot, run, tryRun } from './process.js';

/** A finished image folder: the shared root disk, the library preloaded into the kernel. */
export type Image = {
  readonly folder: string;
  readonly baseDisk: string;
  readonly shim: string;
  /** An empty folder; each lab mounts its memory there, seen by its own processes only. */
  readonly mountPoint: string;
};

const RECIPE_VERSION = 4;
const KEPT_IMAGES = 2;
const BUILD_TIMEOUT_MS = 900_000;
const STEP_TIMEOUT_MS = 120_000;
const ABANDONED_MS = 3_600_000;
const MODULES = '/usr/lib/uml/modules';

const GUEST_PACKAGES = [
  'bash', 'dmsetup', 'drbd-utils', 'e2fsprogs', 'iproute2', 'iputils-arping', 'iputils-ping',
  'kmod', 'libstdc++6', 'lvm2', 'mariadb-server', 'procps', 'psmisc', 'socat', 'util-linux',
] as const;

const EXCLUDED = [
  '/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*',
  '/usr/share/lintian/*',
] as const;

/** Files written into the image; everything else of ours is read from the repository at boot. */
const GUEST_FILES: Readonly<Record<string, { readonly text: string; readonly mode: number }>> = {
  'lab-init': {
    mode: 0o755,
    text: [
      '#!/bin/bash',
      'export PATH=/usr/sbin:/usr/bin:/sbin:/bin',
      'mount -t proc proc /proc',
      'mount -t hostfs -o "ro,$LAB_ROOT" hostfs /opt/tandem',
      'exec /opt/tandem/lab/guest/init',
      '',
    ].join('\n'),
  },
  'etc/fstab': {
    mode: 0o644,
    text: [
      'sysfs /sys sysfs defaults 0 0',
      'tmpfs /run tmpfs mode=0755 0 0',
      'tmpfs /tmp tmpfs mode=1777 0 0',
      '',
    ].join('\n'),
  },
  // No udevd runs in the guest: LVM makes its device files itself.
  'etc/lvm/lvmlocal.conf': {
    mode: 0o644,
    text: [
      'activation { udev_sync = 0 udev_rules = 0 }',
      'devices { obtain_device_list_from_udev = 0 }',
      '',
    ].join('\n'),
  },
  'etc/hosts': {
    mode: 0o644,
    text: '127.0.0.1 localhost\n10.9.0.11 n1\n10.9.0.12 n2\n10.9.0.13 n3\n',
  },
  'usr/local/sbin/reboot': {
    mode: 0o755,
    text: '#!/bin/bash\n[[ $1 == -f ]] || sync\necho b > /proc/sysrq-trigger\nsleep 5\n',
  },
  'usr/local/sbin/poweroff': {
    mode: 0o755,
    text: '#!/bin/bash\n[[ $1 == -f ]] || sync\necho o > /proc/sysrq-trigger\nsleep 5\n',
  },
};

/** Installs missing packages, builds the image unless it is cached, and returns it. */
export async function ensureImage(log: (line: string) => void): Promise<Image> {
  const cached = existsSync('/usr/bin/linux.uml') ? await findImage() : null;
  if (cached !== null) return cached;
  await installPackages(log);
  if (process.getuid?.() !== 0) {
    throw new Error('the lab image is not built yet: build it once as root');
  }
  return (await findImage()) ?? (await buildImage(log));
}

/** The cached image for this host and recipe, or null. Marks it as used now. */
export async function findImage(): Promise<Image | null> {
  const image = imageAt(path.join(cacheFolder(), await imageKey()));
  if (!existsSync(image.baseDisk) || !existsSync(image.shim)) return null;
  await utimes(image.folder, new Date(), new Date()).catch(() => undefined);
  return image;
}

/** The image in a folder that `findImage` or `ensureImage` named. */
export function imageAt(folder: string): Image {
  return {
    folder,
    baseDisk: path.join(folder, 'base.img'),
    shim: path.join(folder, 'ptrace-shim.so'),
    mountPoint: path.join(folder, 'mnt'),
  };
}

/** `$TANDEM_LAB_CACHE`, else `$XDG_CACHE_HOME/tandem-lab`, else `~/.cache/tandem-lab`. */
export function cacheFolder(): string {
  const named = process.env['TANDEM_LAB_CACHE'];
  if (named !== undefined && named !== '') return path.resolve(named);
  const caches = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  return path.join(caches, 'tandem-lab');
}

function shimSource(): string {
  return path.join(repositoryRoot(), 'lab', 'host', 'ptrace-shim.c');
}

async function imageKey(): Promise<string> {
  const kernel = await run(['dpkg-query', '-W', '-f', '${Version}', 'user-mode-linux'], {
    timeoutMs: 10_000,
  });
  const node = await stat(process.execPath);
  const parts = [
    RECIPE_VERSION, distribution(), kernel, process.version, node.size,
    GUEST_PACKAGES, EXCLUDED, GUEST_FILES, readFileSync(shimSource(), 'utf8'),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

async function buildImage(log: (line: string) => void): Promise<Image> {
  const folder = path.join(cacheFolder(), await imageKey());
  const building = path.join(cacheFolder(), `.building-${process.pid}-${Date.now()}`);
  log(`building the nodes' root disk in ${cacheFolder()} (once, about a minute)`);
  await removeAbandoned();
  await mkdir(building, { recursive: true });
  try {
    await buildInto(building, log);
    await rename(building, folder).catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }); // another build of the same key was faster: its result is as good
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  await removeOldImages();
  return imageAt(folder);
}

async function buildInto(building: string, log: (line: string) => void): Promise<void> {
  const root = path.join(building, 'root');
  const image = imageAt(building);
  await installGuest(root, log);
  await addKernelModules(root);
  await addNode(root);
  for (const [name, { text, mode }] of Object.entries(GUEST_FILES)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
    await chmod(path.join(root, name), mode);
  }
  await mkdir(path.join(root, 'opt/tandem'), { recursive: true });
  await mkdir(path.join(root, 'db'), { recursive: true });
  const fence = '/opt/tandem/lab/guest/fence_lab';
  await run(['ln', '-sf', fence, path.join(root, 'usr/sbin/fence_lab')], { timeoutMs: 5000 });
  log('writing the root file system');
  await mkdir(image.mountPoint);
  const disk = `${image.baseDisk}.partial`;
  await run(['mkfs.ext4', '-q', '-d', root, disk, '3G'], {
    timeoutMs: STEP_TIMEOUT_MS,
  });
  await rename(disk, image.baseDisk);
  await rm(root, { recursive: true, force: true });
  await run(['gcc', '-Wall', '-O2', '-shared', '-fPIC', '-o', image.shim, shimSource()], {
    timeoutMs: STEP_TIMEOUT_MS,
  });
}

async function installGuest(root: string, log: (line: string) => void): Promise<void> {
  const { codename } = distribution();
  const sources = await debianSources(codename, log);
  log(`mmdebstrap ${codename} with ${GUEST_PACKAGES.length} packages`);
  await run(
    [
      'mmdebstrap', '--quiet', '--variant=minbase', `--include=${GUEST_PACKAGES.join(',')}`,
      ...EXCLUDED.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      ...(await aptOptions()).map((option) => `--aptopt=${option}`),
      codename, root, ...sources,
    ],
    { timeoutMs: BUILD_TIMEOUT_MS, env: { LC_ALL: 'C.UTF-8' } },
  );
}

async function addKernelModules(root: string): Promise<void> {
  for (const release of await readdir(MODULES)) {
    const target = path.join(root, 'usr/lib/modules', release);
    await cp(path.join(MODULES, release), target, { recursive: true });
    await run(['chroot', root, '/sbin/depmod', release], { timeoutMs: STEP_TIMEOUT_MS });
  }
}

/** Copies this very `node` and those of its libraries that the guest does not have. */
async function addNode(root: string): Promise<void> {
  const program = realpathSync(process.execPath);
  await cp(program, path.join(root, 'usr/local/bin/node'));
  const { stdout } = await tryRun(['ldd', program], { timeoutMs: 10_000 });
  for (const [, library] of stdout.matchAll(/=> (\/\S+)/g)) {
    if (library === undefined || existsSync(path.join(root, library))) continue;
    await cp(realpathSync(library), path.join(root, 'usr/local/lib', path.basename(library)));
  }
  await run(['chroot', root, '/sbin/ldconfig'], { timeoutMs: STEP_TIMEOUT_MS });
  await run(['chroot', root, '/usr/local/bin/node', '--version'], { timeoutMs: STEP_TIMEOUT_MS });
}

async function removeAbandoned(): Promise<void> {
  for (const { name, folder, changedMs } of await cacheEntries()) {
    const abandoned = name.startsWith('.building-') && Date.now() - changedMs > ABANDONED_MS;
    if (abandoned) await rm(folder, { recursive: true, force: true });
  }
}

async function removeOldImages(): Promise<void> {
  const images = (await cacheEntries()).filter(({ name }) => /^[0-9a-f]{16}$/.test(name));
  images.sort((a, b) => b.changedMs - a.changedMs);
  for (const { folder } of images.slice(KEPT_IMAGES)) {
    await rm(folder, { recursive: true, force: true });
  }
}

type CacheEntry = { readonly name: string; readonly folder: string; readonly changedMs: number };

async function cacheEntries(): Promise<CacheEntry[]> {
  const names = await readdir(cacheFolder()).catch(() => []);
  return Promise.all(
    names.map(async (name) => {
      const folder = path.join(cacheFolder(), name);
      return { name, folder, changedMs: (await stat(folder)).mtimeMs };
    }),
  );
}
