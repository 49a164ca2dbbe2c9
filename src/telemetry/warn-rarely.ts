// Logs a repeated failure without filling the log.
import type { Logger } from "pino";

/** Minimum time between two warnings of one kind, in milliseconds. */
const PAUSE_MS = 30_000;

/** Warns of a failure with this message; one soon after is logged at level `debug`. */
export function warnSparingly(logger: Logger, message: string, pauseMs = PAUSE_MS): (error: unknown) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (err) => {
    const now = performance.now();
    const again = now - last < pauseMs;
    logger[again ? "debug" : "warn"]({ err }, message);
    if (!again) last = now;
  };
}
