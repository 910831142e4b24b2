/**
 * Copies a block device into a file: only what is not zero is written, so that the file takes the
 * room of what is allocated. The device is only read. The copy is durable when this returns.
 */
import { open, statfs, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Read at once. */
const PIECE_BYTES = 1_048_576;
/** The smallest hole: a block of most file systems. */
const BLOCK_BYTES = 4_096;

/** How far a copy came. */
export interface CopyProgress {
  readonly readBytes: number;
  readonly totalBytes: number;
}

/** What was copied. */
export interface DeviceCopy {
  readonly totalBytes: number;
  /** Written; the rest is holes. */
  readonly usedBytes: number;
}

/** The size of a block device or file in bytes. Rejects when it cannot be opened. */
export async function deviceBytes(path: string): Promise<number> {
  const device = await open(path, 'r');
  try {
    return await sizeOf(device);
  } finally {
    await device.close();
  }
}

/** stat says 0 for a block device: its end is found by reading, in steps that halve. */
async function sizeOf(device: FileHandle): Promise<number> {
  const { size } = await device.stat();
  if (size > 0) return size;
  let [low, high] = [0, 1];
  while (await canReadAt(device, high)) high *= 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await canReadAt(device, middle)) low = middle;
    else high = middle;
  }
  return (await canReadAt(device, 0)) ? low + 1 : 0;
}

/** 2^53 bytes bound the search: no device is larger. */
async function canReadAt(device: FileHandle, position: number): Promise<boolean> {
  if (position >= Number.MAX_SAFE_INTEGER) return false;
  const { bytesRead } = await device.read(new Uint8Array(1), 0, 1, position);
  return bytesRead === 1;
}

/** Free room for a user without privileges in the file system of a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** How much of a device is not zero: one pass over it. */
export async function usedBytes(
  path: string,
  progress: (at: CopyProgress) => void = () => undefined,
): Promise<number> {
  let used = 0;
  await eachBlock(path, progress, (block) => {
    used += block.byteLength;
    return Promise.resolve();
  });
  return used;
}

/**
 * Copies `from` to the new file `to`. Rejects when the file exists, when a read or write fails, or
 * when the device gave another number of bytes than its size.
 */
export async function copyDevice(
  from: string,
  to: string,
  progress: (at: CopyProgress) => void = () => undefined,
): Promise<DeviceCopy> {
  const totalBytes = await deviceBytes(from);
  const file = await open(to, 'wx', 0o600);
  let used = 0;
  try {
    await file.truncate(totalBytes);
    const readBytes = await eachBlock(from, progress, async (block, position) => {
      await file.write(block, 0, block.byteLength, position);
      used += block.byteLength;
    });
    if (readBytes !== totalBytes) {
      throw new Error(`${from} has ${totalBytes} bytes, but ${readBytes} could be read`);
    }
    await file.sync();
    if ((await file.stat()).size !== totalBytes) throw new Error(`${to} has not the size of ${from}`);
  } finally {
    await file.close();
  }
  const folder = await open(dirname(to), 'r');
  await folder.sync().finally(async () => folder.close());
  return { totalBytes, usedBytes: used };
}

/** Calls back for each run of blocks that is not zero; answers how many bytes were read. */
async function eachBlock(
  path: string,
  progress: (at: CopyProgress) => void,
  take: (block: Uint8Array, position: number) => Promise<void>,
): Promise<number> {
  const device = await open(path, 'r');
  try {
    const totalBytes = await sizeOf(device);
    const piece = new Uint8Array(PIECE_BYTES);
    let position = 0;
    while (position < totalBytes) {
      const { bytesRead } = await device.read(piece, 0, PIECE_BYTES, position);
      if (bytesRead === 0) break;
      for (let at = 0; at < bytesRead; at += BLOCK_BYTES) {
        const block = piece.subarray(at, Math.min(at + BLOCK_BYTES, bytesRead));
        if (!isZero(block)) await take(block, position + at);
      }
      position += bytesRead;
      progress({ readBytes: position, totalBytes });
    }
    return position;
  } finally {
    await device.close();
  }
}

const ZEROES = Buffer.alloc(BLOCK_BYTES);

function isZero(block: Uint8Array): boolean {
  return ZEROES.subarray(0, block.byteLength).equals(block);
}
