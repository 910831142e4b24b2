/** One mount of a mount namespace, a line of /proc/PID/mountinfo. */
export interface MountEntry {
  /** `major:minor` of the file system; anonymous (0:N) for btrfs, nfs, tmpfs and the like. */
  readonly deviceNumber: string;
  /** The directory of the file system seen at the mount point; `/` but for bind mounts. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fstype: string;
  /** What was mounted, as mount(8) was told or found out. */
  readonly source: string;
  /** Read-only as a mount or as a file system (a kernel may turn the latter after an I/O error). */
  readonly readOnly: boolean;
}

/** The mounts, oldest first, and the lines that are not understood. */
export interface Mountinfo {
  readonly mounts: readonly MountEntry[];
  readonly badLines: readonly string[];
}

/**
 * Reads /proc/self/mountinfo. Format: proc_pid_mountinfo(5); blanks, tabs, newlines and
 * backslashes in fields are three octal digits after a backslash.
 */
export function parseMountinfo(text: string): Mountinfo {
  const mounts: MountEntry[] = [];
  const badLines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const entry = parseLine(line);
    if (entry === null) badLines.push(line);
    else mounts.push(entry);
  }
  return { mounts, badLines };
}

/** `36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/drbd0 rw,errors=continue` */
function parseLine(line: string): MountEntry | null {
  const fields = line.split(' ');
  const separator = fields.indexOf('-');
  const [, , deviceNumber, root, mountPoint, mountOptions] = fields;
  const [fstype, source, superOptions] = fields.slice(separator + 1);
  if (separator < 0 || deviceNumber === undefined || !/^\d{1,9}:\d{1,9}$/.test(deviceNumber)) {
    return null;
  }
  if (root === undefined || mountPoint === undefined || mountOptions === undefined) return null;
  if (fstype === undefined || source === undefined) return null;
  return {
    deviceNumber,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    fstype,
    source: unescapeOctal(source),
    readOnly: hasOption(mountOptions, 'ro') || hasOption(superOptions ?? '', 'ro'),
  };
}

function hasOption(options: string, option: string): boolean {
  return options.split(',').includes(option);
}

function unescapeOctal(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** True when `path` is `directory` or lies below it. Both without a trailing slash. */
export function isAtOrBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}
