// What the metrics of a server say about its health.
import type { Sample } from "./metrics-text.ts";

/** Codes of failures that are the server's. */
const FAILURES: ReadonlySet<string> = new Set(["internal", "unknown", "unavailable", "data_loss", "deadline_exceeded"]);
/** Methods whose calls last as long as somebody listens: their durations say nothing about the server. */
const FOLLOWS = /\/(Subscribe|Watch)$/;
const STREAMS = /\/(Subscribe|Watch|Chat|Regenerate|ResumeTurn|ServerReflectionInfo)$/;

export interface MethodFigures {
  readonly method: string;
  readonly calls: number;
  readonly failed: number;
  readonly median: Quantile | undefined;
  readonly p99: Quantile | undefined;
}

/** Of a histogram: at most so many seconds, or more than its last bound. */
export interface Quantile {
  readonly seconds: number;
  readonly isOver: boolean;
}

export interface Figures {
  readonly at: number;
  readonly handled: number;
  readonly failed: number;
  readonly buckets: ReadonlyMap<number, number>;
  readonly samples: readonly Sample[];
}

export function figuresOf(samples: readonly Sample[], at: number): Figures {
  const handled = samples.filter(({ name }) => name === "colloquy_rpc_handled_total");
  return {
    at,
    handled: sum(handled),
    failed: sum(handled.filter(isFailure)),
    buckets: bucketsOf(samples, ({ method = "" }) => !STREAMS.test(method)),
    samples,
  };
}

/** Of all samples with this name, and where it is given with this label. Undefined: there is none. */
export function total({ samples }: Figures, name: string, label?: readonly [string, RegExp]): number | undefined {
  const found = samples.filter((one) => one.name === name && (!label || label[1].test(one.labels[label[0]] ?? "")));
  return found.length === 0 ? undefined : sum(found);
}

/** Calls that have begun and not ended. */
export function running(figures: Figures, methods = /./): number {
  const label = ["method", methods] as const;
  const started = total(figures, "colloquy_rpc_started_total", label) ?? 0;
  return Math.max(0, started - (total(figures, "colloquy_rpc_handled_total", label) ?? 0));
}

export function followers(figures: Figures): number {
  return running(figures, FOLLOWS);
}

export interface Rates {
  readonly calls: number;
  readonly failures: number;
  readonly median: Quantile | undefined;
  readonly p99: Quantile | undefined;
}

/** What happened between two readings. Counters begin anew where the server has started again. */
export function ratesBetween(before: Figures, after: Figures): Rates {
  const seconds = Math.max(0.001, (after.at - before.at) / 1_000);
  const isNew = after.handled < before.handled;
  const more = (one: number, other: number) => (isNew ? other : Math.max(0, other - one));
  const buckets = new Map(
    [...after.buckets].map(([bound, count]) => [bound, more(before.buckets.get(bound) ?? 0, count)]),
  );
  return {
    calls: more(before.handled, after.handled) / seconds,
    failures: more(before.failed, after.failed) / seconds,
    median: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}

export function methodsOf({ samples }: Figures): MethodFigures[] {
  const handled = samples.filter(({ name }) => name === "colloquy_rpc_handled_total");
  return [...Map.groupBy(handled, ({ labels }) => labels.method ?? "")]
    .map(([method, calls]) => {
      const buckets = bucketsOf(samples, (labels) => labels.method === method);
      const figures = { median: quantile(buckets, 0.5), p99: quantile(buckets, 0.99) };
      return { method, calls: sum(calls), failed: sum(calls.filter(isFailure)), ...figures };
    })
    .toSorted((a, b) => b.calls - a.calls);
}

/** The bound below which the given share of calls lies: as exact as the buckets. */
export function quantile(buckets: ReadonlyMap<number, number>, share: number): Quantile | undefined {
  const bounds = [...buckets.keys()].toSorted((a, b) => a - b);
  const all = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  if (all === 0) return undefined;
  const bound = bounds.find((one) => (buckets.get(one) ?? 0) >= all * share) ?? Number.POSITIVE_INFINITY;
  if (Number.isFinite(bound)) return { seconds: bound, isOver: false };
  return { seconds: bounds.at(-2) ?? 0, isOver: true };
}

function bucketsOf(samples: readonly Sample[], wanted: (labels: Sample["labels"]) => boolean): Map<number, number> {
  const buckets = new Map<number, number>();
  for (const { name, labels, value } of samples) {
    if (name !== "colloquy_rpc_seconds_bucket" || !wanted(labels)) continue;
    const bound = labels.le === "+Inf" ? Number.POSITIVE_INFINITY : Number(labels.le);
    buckets.set(bound, (buckets.get(bound) ?? 0) + value);
  }
  return buckets;
}

function isFailure({ labels }: Sample): boolean {
  return FAILURES.has((labels.code ?? "").toLowerCase());
}

function sum(samples: readonly Sample[]): number {
  return samples.reduce((all, { value }) => all + value, 0);
}
