// What the server that stands through a run holds when nobody calls, and whether it comes to hold more.
import type { Rest } from "../stage/rest.ts";

/** Of one time of the run. Bytes, and counts. */
export interface Holding {
  readonly heap: number;
  /** Outside the heap, but owned by what is in it. */
  readonly buffers: number;
  readonly resident: number;
  /** File descriptors but those of connections to PostgreSQL. */
  readonly files: number;
  readonly timers: number;
  readonly openCalls: number;
  readonly transactions: number;
}

export interface Holdings {
  /** Before anybody called. */
  readonly first?: Holding;
  /** Once it is warm: of the five minutes after the first ten. */
  readonly warm?: Holding;
  /** Of the last five minutes. Of a run that is too short for both, each has half of what comes after ten minutes. */
  readonly last?: Holding;
}

/** Before, caches fill and V8 compiles. In seconds. */
const WARM_SECONDS = 600;
/**
 * So long the median is taken of. A single look at a heap is off by up to a tenth: V8 drops what it has compiled when
 * that was not called for some collections, and compiles it again.
 */
const WINDOW_SECONDS = 300;
/** How much more than when it was warm it may hold at the end. */
const GROWTH = 1.1;
/** Timers of connections to PostgreSQL that are idle, of which there are as many as there were calls at one time. */
const SPARE_TIMERS = 15;

export function holdings(rests: readonly Rest[]): Holdings {
  const [first, ...later] = rests;
  const end = later.at(-1);
  if (first === undefined) return {};
  if (end === undefined) return { first: median([first]) };
  const warmFrom = later.find(({ atSeconds }) => atSeconds - first.atSeconds >= WARM_SECONDS)?.atSeconds;
  const half = warmFrom === undefined ? WINDOW_SECONDS : (end.atSeconds - warmFrom) / 2;
  // At least one look on either side.
  const window = Math.max(1, Math.min(WINDOW_SECONDS, half));
  const last = later.filter(({ atSeconds }) => atSeconds > end.atSeconds - window);
  if (warmFrom === undefined) return { first: median([first]), last: median(last) };
  const warm = later.filter(({ atSeconds }) => atSeconds >= warmFrom && atSeconds < warmFrom + window);
  return { first: median([first]), warm: median(warm), last: median(last) };
}

/** What grew, in words. */
export function growth(rests: readonly Rest[]): string[] {
  const { warm, last } = holdings(rests);
  if (warm === undefined || last === undefined) return [];
  const grown = (what: string, of: (holding: Holding) => number) => {
    const times = of(last) / of(warm);
    return times > GROWTH ? [`${what} is ${times.toFixed(2)} times what it was after ten minutes`] : [];
  };
  const timers = last.timers - warm.timers;
  return [
    ...grown("what heap and buffers hold", ({ heap, buffers }) => heap + buffers),
    ...grown("resident memory", ({ resident }) => resident),
    ...(timers > SPARE_TIMERS ? [`it has ${timers} timers more than after ten minutes`] : []),
  ];
}

function median(rests: readonly Rest[]): Holding {
  const of = (number: (rest: Rest) => number) => {
    const sorted = rests.map(number).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? 0;
  };
  return {
    heap: of(({ heapUsed }) => heapUsed),
    buffers: of(({ external }) => external),
    resident: of(({ rss }) => rss),
    files: of(({ ownFiles }) => ownFiles),
    timers: of(({ resources }) => resources.Timeout ?? 0),
    openCalls: of(({ openCalls }) => openCalls),
    transactions: of(({ transactions }) => transactions),
  };
}
