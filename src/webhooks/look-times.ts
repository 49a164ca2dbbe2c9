// How often a server looks for endpoints whose lease is over: rarely where none has turned up.

/**
 * A server that has no endpoint waits so many times longer at most: a lease of 6 s and 3 s are within the 10 s of a
 * takeover.
 */
const MAX_TIMES = 3;
/** So much shorter a wait may be, so that servers that started together do not look together. */
const JITTER = 0.25;

/**
 * The wait before the next look, in milliseconds. It doubles with each look that finds nothing; a server that delivers
 * looks each `lookEveryMs`. What this server is told of by a call, it looks for at once.
 */
export function nextLookMs(lookEveryMs: number, idleLooks: number, random: () => number = Math.random): number {
  if (idleLooks === 0) return lookEveryMs;
  return lookEveryMs * Math.min(2 ** idleLooks, MAX_TIMES) * (1 - JITTER * random());
}
