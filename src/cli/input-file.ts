import { CliFailure } from './cli-failure.js';

/** Saved readings are small; a larger file is something else. */
const FILE_BYTES_MAX = 16 * 1_048_576;

/** Reads a file that an operator named, or standard input (`-`). Throws a CliFailure. */
export async function readInput(file: string): Promise<string> {
  const { open } = await import('node:fs/promises');
  try {
    const handle = file === '-' ? null : await open(file);
    const stream = handle === null ? process.stdin : handle.createReadStream();
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > FILE_BYTES_MAX) throw new Error('it is larger than 16 MiB');
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliFailure('noInput', `${file} cannot be read: ${reason}`);
  }
}
