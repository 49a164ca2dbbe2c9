// How long the parts of a stop may take, in milliseconds. In all: the drain delay, DRAIN_MS and CLOSE_MS.

/** Calls in flight may go on for so long after new ones are refused. */
export const DRAIN_MS = 10_000;
/** What comes after that: ending replies, closing connections, stopping the embedded PostgreSQL. */
export const CLOSE_MS = 30_000;
/** The same for one of several workers, whose server has work left after them. */
export const WORKER_CLOSE_MS = 15_000;
