// Lines of the log, many to a write.
import type { DestinationStream } from "pino";

export interface LogBufferOptions {
  /** As many bytes are held back at most, but for the last line. */
  readonly bytes: number;
  /** How long a line is held back at most, in milliseconds. */
  readonly forMs: number;
}

export interface LogBuffer extends DestinationStream {
  /** Writes what is held back; pino does so after a fatal line. */
  flushSync(): void;
}

/** Holds lines back. pino's own destination could, but for each line it measures all that it holds, which takes as long as the line. */
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
