/**
 * Waits for something that may never come, such as a read from a file system that hangs. Null when
 * the time is up; the thing itself goes on and its end, good or bad, is nobody's business any more.
 */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    // One more turn of the event loop: after a stall of our own the timer is served first.
    timer = setTimeout(() => setImmediate(resolve, null), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
