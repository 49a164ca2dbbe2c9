// Repeats measurements in turn (A B C A B C …), so that whatever else the machine does hits all alike.
import type { Rate } from "./load.ts";
import type { Served } from "./process.ts";

/** One of those that are compared. */
export interface Contestant {
  readonly name: string;
  /** Whose processor time counts. */
  readonly server?: Served;
  run(seconds: number): Promise<Rate>;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Measured {
  readonly name: string;
  readonly perSecond: Spread;
  /** The server's processor time for one request, in microseconds. */
  readonly cpuMicros: Spread | undefined;
  readonly failed: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
  return { median: at(0.5), least: at(0), most: at(1) };
}

export interface Effort {
  readonly seconds: number;
  readonly repeats: number;
  /** Before the first measurement, each. */
  readonly warmUpSeconds: number;
}

export async function compare(contestants: readonly Contestant[], effort: Effort): Promise<Measured[]> {
  const rates = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  const failed = new Map<string, number>();
  for (const contestant of contestants) await contestant.run(effort.warmUpSeconds);
  for (let round = 0; round < effort.repeats; round++) {
    for (const { name, server, run } of contestants) {
      const before = server?.cpuMicros() ?? 0;
      const rate = await run(effort.seconds);
      const used = (server?.cpuMicros() ?? 0) - before;
      rates.set(name, [...(rates.get(name) ?? []), rate.perSecond]);
      if (server !== undefined) cpu.set(name, [...(cpu.get(name) ?? []), used / Math.max(1, rate.requests)]);
      failed.set(name, (failed.get(name) ?? 0) + rate.failed);
    }
  }
  return contestants.map(({ name }) => {
    const used = cpu.get(name);
    return {
      name,
      perSecond: spreadOf(rates.get(name) ?? []),
      cpuMicros: used && spreadOf(used),
      failed: failed.get(name) ?? 0,
    };
  });
}

/** The ratio of two medians. */
export function ratio(measured: readonly Measured[], a: string, b: string): number {
  const of = (name: string) => measured.find((one) => one.name === name)?.perSecond.median ?? Number.NaN;
  return of(a) / of(b);
}
