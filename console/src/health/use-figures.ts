// Reads the metrics of the server again and again, while the page is visible.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Figures, figuresOf, type Rates, ratesBetween } from "./figures.ts";
import { readMetrics } from "./metrics-text.ts";

const EVERY_MS = 5_000;
/** Ten minutes. */
const MAX_READINGS = 120;

export interface Reading {
  readonly at: number;
  readonly rates: Rates;
}

export interface Health {
  /** Undefined: they have not been read yet. */
  readonly figures: Figures | undefined;
  /** Oldest first: what happened between each two of the readings. */
  readonly readings: readonly Reading[];
  /** Whether the server does not show its metrics at this address. */
  readonly isHidden: boolean;
  readonly error: unknown;
  retry(): void;
}

export function useFigures(): Health {
  const read = useQuery({
    queryKey: ["metrics"],
    refetchInterval: EVERY_MS,
    staleTime: 0,
    queryFn: async ({ signal }): Promise<Figures | "hidden"> => {
      const response = await fetch("/metrics", { signal });
      const type = response.headers.get("content-type") ?? "";
      // A proxy refuses it, or shows a page of its own.
      if (!response.ok || !type.startsWith("text/plain")) return "hidden";
      return figuresOf(readMetrics(await response.text()), performance.now());
    },
  });
  const figures = read.data === "hidden" ? undefined : read.data;
  const [{ readings }, setKept] = useState<{ last?: Figures; readings: readonly Reading[] }>({ readings: [] });
  useEffect(() => {
    if (figures === undefined) return;
    setKept(({ last, readings: before }) => {
      if (last === undefined || last === figures) return { last: figures, readings: before };
      const reading = { at: figures.at, rates: ratesBetween(last, figures) };
      return { last: figures, readings: [...before, reading].slice(-MAX_READINGS) };
    });
  }, [figures]);
  return {
    figures,
    readings,
    isHidden: read.data === "hidden",
    error: read.error ?? undefined,
    retry: () => void read.refetch(),
  };
}
