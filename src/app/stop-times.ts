// How long the parts of a stop may take, in milliseconds. In all: the drain delay, DRAIN_MS and CLOSE_MS.

/** Calls in flight may go on for so long after new ones are refused. */
export const DRAIN_MS = 10_000;
/**
 * The work of the background has so long to end after that, all of it together. Part of CLOSE_MS and WORKER_CLOSE_MS.
 */
export const BACKGROUND_MS = 8_000;
/** What comes after the calls: ending replies, closing connections, stopping the embedded PostgreSQL. */
export const CLOSE_MS = 30_000;
/** The same for one of several workers, whose server has work left after them. */
export const WORKER_CLOSE_MS = 18_000;
