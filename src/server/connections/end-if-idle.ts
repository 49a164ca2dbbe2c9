// Ends a connection after a timeout, unless bytes arrived that the process has not read yet.

/** A socket, which counts the bytes that were read from it. */
interface Counting {
  readonly bytesRead: number;
}

/**
 * Calls `end` in the next turn of the event loop, unless something was read from the connection by then. When a process
 * was suspended, its timers fire before it reads what arrived meanwhile: it would close a connection whose request was
 * in time.
 */
export function endIfIdle(connection: Counting, end: () => void): void {
  const { bytesRead } = connection;
  setImmediate(() => {
    if (connection.bytesRead === bytesRead) end();
  });
}
