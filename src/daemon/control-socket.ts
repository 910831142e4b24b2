import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../base/result.js';

/** What `struct sockaddr_un` holds besides the closing zero byte: unix(7). */
const SOCKET_PATH_BYTES_MAX = 107;

/** A daemon on the same machine accepts in microseconds; longer means it is there and stalled. */
const PROBE_TIMEOUT_MS = 1_000;

/** Makes room for a socket at `path`: removes what a dead daemon left, refuses a living one's. */
export async function claimSocketPath(path: string): Promise<Result<null, string>> {
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    return err(`Socket path ${path} is ${bytes} bytes long; the limit is ${SOCKET_PATH_BYTES_MAX}`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return ok(null);
    if (!found.isSocket()) return err(`${path} exists and is not a socket; remove it first`);
    const listener = await probe(path);
    if (listener !== 'none') return err(`Another tandemd ${listener} on ${path}`);
    unlinkSync(path);
    return ok(null);
  } catch (error) {
    return err(`Cannot use ${path} as control socket: ${messageOf(error)}`);
  }
}

type Listener = 'none' | 'answers' | 'does not answer but listens';

function probe(path: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const finish = (listener: Listener): void => {
      socket.destroy();
      resolve(listener);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish('does not answer but listens'));
    socket.once('connect', () => finish('answers'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') finish('none');
      else if (error.code === 'EAGAIN') finish('does not answer but listens');
      else reject(error);
    });
  });
}

/**
 * Binds and listens so that nobody else can connect before the rights are set: the file comes into
 * being with mode 0600, whatever the umask of the daemon is.
 */
export function listenPrivately(server: Server, path: string): Promise<Result<null, string>> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve(err(`Cannot listen on ${path}: ${error.message}`));
    server.once('error', failed);
    const umask = process.umask(0o177);
    try {
      server.listen({ path }, () => {
        server.off('error', failed);
        resolve(ok(null));
      });
    } finally {
      process.umask(umask);
    }
  });
}

/** Who may connect besides the owner, and why not more. */
export interface SocketAccess {
  readonly group: string | null;
  /** Set when the group that was asked for could not be given access: one sentence. */
  readonly warning: string | null;
}

/** Opens the socket file to a group. Without one, or when that fails, it stays the owner's. */
export function grantGroup(path: string, options: GrantOptions): SocketAccess {
  const { group, mode, groupFile } = options;
  if (group === null) return { group: null, warning: null };
  try {
    const gid = groupId(readFileSync(groupFile, 'utf8'), group);
    if (gid === null) return ownerOnly(`Group ${group} does not exist`);
    chownSync(path, -1, gid);
    chmodSync(path, mode);
    return { group, warning: null };
  } catch (error) {
    return ownerOnly(`Cannot give group ${group} access to ${path} (${messageOf(error)})`);
  }
}

export interface GrantOptions {
  readonly group: string | null;
  readonly mode: number;
  readonly groupFile: string;
}

function ownerOnly(cause: string): SocketAccess {
  return { group: null, warning: `${cause}: only the owner of the daemon can use the socket` };
}

/** The id of a group in the format of group(5): `name:password:id:members`. */
export function groupId(groupFileText: string, group: string): number | null {
  for (const line of groupFileText.split('\n')) {
    const [name, , id] = line.split(':');
    if (name === group && id !== undefined && /^\d{1,10}$/.test(id)) return Number(id);
  }
  return null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
