// Calls a function soon, at most once in a while, and again only after what it began has ended.
import { useCallback, useEffect, useEffectEvent, useRef } from "react";
import { type Throttled, throttled } from "../api/throttled.ts";

/** @param work what it returns is waited for */
export function useThrottled(work: () => unknown, ms: number): () => void {
  const latest = useEffectEvent(work);
  const current = useRef<Throttled>(undefined);
  useEffect(() => {
    const own = throttled(() => latest(), ms);
    current.current = own;
    return () => own.stop();
  }, [ms]);
  return useCallback(() => current.current?.call(), []);
}
