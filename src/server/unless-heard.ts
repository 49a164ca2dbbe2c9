// Waits that have run out, judged once what came meanwhile is read.

/** What counts the bytes that were read from a connection. */
interface Counting {
  readonly bytesRead: number;
}

/**
 * Calls `end` in the next turn of the event loop, unless something was read from the connection by then. When a process
 * has stood still, its timers go off before it reads what came meanwhile: a connection would be closed on a request that
 * was in time.
 */
export function unlessHeard(connection: Counting, end: () => void): void {
  const { bytesRead } = connection;
  setImmediate(() => {
    if (connection.bytesRead === bytesRead) end();
  });
}
