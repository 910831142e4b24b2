/** Reads what a resource kind asks for: files, sockets and the process table, rarely a program. */
import { readFileSync, readdirSync } from 'node:fs';
import { readFile, readlink, realpath, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import type {
  InterfaceAddress,
  MysqlHandshakeProbe,
  PathReading,
  Probe,
  ProcessInfo,
  Reading,
  Readings,
} from '../resources/plan.js';
import { majorMinor } from '../host/device-number.js';
import { runCommand } from '../host/exec.js';
import { within } from '../host/limit.js';

/** A file, a process table or a stat(2) answers at once, or its device hangs. */
const LOOK_TIMEOUT_MS = 5_000;

/** Reads all probes of a resource at once. Never rejects, and always ends. */
export async function readProbes(probes: readonly Probe[]): Promise<Readings> {
  const readings = await Promise.all(
    probes.map(async (probe): Promise<readonly [string, Reading]> => {
      try {
        return [probe.name, await readInTime(probe)];
      } catch (error) {
        return [probe.name, failure(error)];
      }
    }),
  );
  return Object.fromEntries(readings);
}

/** Programs and servers have limits of their own. */
async function readInTime(probe: Probe): Promise<Reading> {
  if ('timeoutMs' in probe) return readProbe(probe);
  const reading = await within(readProbe(probe), LOOK_TIMEOUT_MS);
  return reading ?? { kind: 'unreadable', reason: `no answer within ${LOOK_TIMEOUT_MS} ms` };
}

function failure(error: unknown): Reading {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return { kind: 'absent' };
  return { kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

async function readProbe(probe: Probe): Promise<Reading> {
  switch (probe.kind) {
    case 'file':
      return { kind: 'text', text: await readFile(probe.path, 'utf8') };
    case 'path':
      return readPath(probe.path);
    case 'addresses':
      return { kind: 'addresses', addresses: localAddresses() };
    case 'server': {
      const pidFilePid = probe.pidFile === null ? null : await readPidFile(probe.pidFile);
      return { kind: 'server', pidFilePid, processes: await findServers(probe, pidFilePid) };
    }
    case 'process': {
      const process = await readProcess(probe.pid);
      const fits = process !== null && probe.comms.includes(process.comm);
      return { kind: 'server', pidFilePid: null, processes: fits ? [process] : [] };
    }
    case 'mysqlHandshake':
      return greet(probe);
    case 'command':
      return runProbe(probe.argv, probe.timeoutMs, probe.env ?? {});
  }
}

async function runProbe(
  argv: readonly string[],
  timeoutMs: number,
  env: Readonly<Record<string, string>>,
): Promise<Reading> {
  const result = await runCommand({ argv, timeoutMs, env });
  if (result.startFailure !== null) return { kind: 'unreadable', reason: result.startFailure };
  if (result.timedOut) return { kind: 'timedOut', afterMs: timeoutMs };
  const { exitCode, stdout, stderr } = result;
  return { kind: 'exit', exitCode, stdout, stderr };
}

async function readPath(path: string): Promise<PathReading> {
  const [info, realPath] = await Promise.all([stat(path), realpath(path)]);
  const type = info.isDirectory()
    ? 'directory'
    : info.isBlockDevice()
      ? 'block'
      : info.isFile()
        ? 'file'
        : info.isSocket()
          ? 'socket'
          : 'other';
  const deviceNumber = type === 'block' ? majorMinor(info.rdev) : null;
  return { kind: 'path', realPath, type, deviceNumber, fileId: `${info.dev}:${info.ino}` };
}

function localAddresses(): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([device, infos]) =>
    (infos ?? []).map((info) => ({
      device,
      address: info.address,
      prefixLength: Number(info.cidr?.split('/')[1] ?? '0'),
    })),
  );
}

async function readPidFile(path: string): Promise<number | null> {
  try {
    const pid = Number.parseInt((await readFile(path, 'utf8')).trim(), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null;
  }
}

async function findServers(
  probe: Extract<Probe, { kind: 'server' }>,
  pidFilePid: number | null,
): Promise<readonly ProcessInfo[]> {
  const ours = pidFilePid === null ? null : await readProcess(pidFilePid);
  if (ours !== null && probe.comms.includes(ours.comm)) return [ours];
  const named = await Promise.all(pidsNamed(probe.comms).map(readProcess));
  return named.filter((process) => process !== null);
}

/**
 * The processes of these names (proc_pid_comm(5)). At once: the kernel prints a name from memory
 * and waits for nothing, while a hundred files through the thread pool cost a takeover 30 ms.
 */
function pidsNamed(comms: readonly string[]): readonly number[] {
  const entries = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return entries.filter((entry) => comms.includes(commOf(entry))).map(Number);
}

function commOf(entry: string): string {
  try {
    return readFileSync(`/proc/${entry}/comm`, 'utf8').trim();
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

/** A live process; null when there is none of that number, or only its zombie. */
async function readProcess(pid: number): Promise<ProcessInfo | null> {
  const [comm, cmdline, status] = await Promise.all([
    readOrNull(`/proc/${pid}/comm`),
    readOrNull(`/proc/${pid}/cmdline`),
    readOrNull(`/proc/${pid}/stat`),
  ]);
  if (comm === null || status === null) return null;
  const state = status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3);
  if (state === 'Z' || state === 'X') return null;
  const [exe, cwd, cwdStat] = await Promise.all([
    readlink(`/proc/${pid}/exe`).catch(() => null),
    readlink(`/proc/${pid}/cwd`).catch(() => null),
    stat(`/proc/${pid}/cwd`).catch(() => null),
  ]);
  return {
    pid,
    comm: comm.trim(),
    exe,
    argv: (cmdline ?? '').split('\0').filter((word) => word !== ''),
    cwd,
    cwdId: cwdStat === null ? null : `${cwdStat.dev}:${cwdStat.ino}`,
  };
}

async function readOrNull(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null);
}

/** The first packet of a MySQL server: 4 bytes of header, then 0x0a, or 0xff for an error. */
const HANDSHAKE_HEADER_BYTES = 4;
const HANDSHAKE_V10 = 0x0a;
const ERROR_PACKET = 0xff;
/** After 0xff come 2 bytes of error number; some versions put `#` and a state of 5 bytes next. */
const ERROR_TEXT_AT = HANDSHAKE_HEADER_BYTES + 3;

function refusedBy(byServer: boolean, reason: string): Reading {
  return { kind: 'refused', byServer, reason };
}

/** What the first packet says; null while too little of it is there. */
function firstPacket(bytes: Buffer): Reading | null {
  const kind = bytes[HANDSHAKE_HEADER_BYTES];
  if (kind === undefined) return null;
  if (kind === HANDSHAKE_V10) return { kind: 'greeted' };
  if (kind !== ERROR_PACKET) return refusedBy(false, 'it does not speak the protocol of MySQL');
  const endsAt = HANDSHAKE_HEADER_BYTES + bytes.readUIntLE(0, 3);
  if (bytes.length < endsAt) return null;
  const text = bytes.subarray(ERROR_TEXT_AT, endsAt).toString('utf8');
  return refusedBy(true, text.replace(/^#[0-9A-Z]{5}/, ''));
}

async function greet(probe: MysqlHandshakeProbe): Promise<Reading> {
  return new Promise((resolve) => {
    const socket = createConnection(probe.socketPath);
    const end = (reading: Reading): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(reading);
    };
    const limit = setTimeout(
      () => end({ kind: 'timedOut', afterMs: probe.timeoutMs }),
      probe.timeoutMs,
    );
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const reading = firstPacket(bytes);
      if (reading !== null) end(reading);
    });
    socket.once('end', () => end(refusedBy(false, 'it closed the connection')));
    socket.once('error', (error) => {
      if (codeOf(error) === 'ENOENT') end({ kind: 'absent' });
      else end(refusedBy(false, error.message));
    });
  });
}
