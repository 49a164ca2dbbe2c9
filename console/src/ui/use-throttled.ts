// Calls a function soon, and at most once in a while.
import { useEffect, useRef } from "react";

/** The first call waits a tenth of the time, so that calls at the same moment are one. */
export function useThrottled(work: () => void, ms: number): () => void {
  const latest = useRef(work);
  latest.current = work;
  const state = useRef<{ timer?: ReturnType<typeof setTimeout> | undefined; last: number }>({ last: 0 });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  const call = useRef(() => {
    const own = state.current;
    if (own.timer !== undefined) return;
    const wait = Math.max(ms / 10, own.last + ms - performance.now());
    own.timer = setTimeout(() => {
      own.timer = undefined;
      own.last = performance.now();
      latest.current();
    }, wait);
  });
  return call.current;
}
