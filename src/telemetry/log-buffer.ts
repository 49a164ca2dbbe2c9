// Buffers log lines, to write many at once.
import type { DestinationStream } from "pino";

export interface LogBufferOptions {
  /** Maximum bytes in the buffer, except for the last line. */
  readonly bytes: number;
  /** Maximum time that a line is buffered, in milliseconds. */
  readonly forMs: number;
}

export interface LogBuffer extends DestinationStream {
  /** Writes the buffer; pino calls it after a fatal line. */
  flushSync(): void;
}

/**
 * pino's own destination can buffer too, but measures its whole buffer for each line, which takes as long as the line
 * itself.
 */
export function createLogBuffer(to: DestinationStream, { bytes, forMs }: LogBufferOptions): LogBuffer {
  let lines = "";
  let held = 0;
  const flushSync = () => {
    if (lines === "") return;
    const whole = lines;
    lines = "";
    held = 0;
    to.write(whole);
  };
  setInterval(flushSync, forMs).unref();
  return {
    write(line) {
      lines += line;
      held += Buffer.byteLength(line);
      if (held >= bytes) flushSync();
    },
    flushSync,
  };
}
