// Repeats measurements in turn (A B C A B C …), so that whatever else the machine does hits all alike.
import type { Rate } from "./load.ts";
import type { Served } from "./process.ts";

/** One of those that are compared by how much they do. */
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
  readonly amount: Spread;
  /** Of the amount, such as `/s` or ` ms`. */
  readonly unit: string;
  /** The server's processor time for one request, in microseconds. */
  readonly cpuMicros?: Spread | undefined;
  /** Answers other than success. */
  readonly failed?: number;
}

/** The value below which a part of the values lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), least: quantile(values, 0), most: quantile(values, 1) };
}

/** How many times as long a server is warmed up when it is measured for the first time. */
const FIRST_WARM_UP = 3;

export interface Effort {
  readonly seconds: number;
  readonly repeats: number;
  /** Before the first measurement, each, and longer where a server has not been measured before; 0: none. */
  readonly warmUpSeconds: number;
}

/** For contestants that are alike: each is cold in the first of three rounds, which the median leaves out. */
export function brief({ seconds }: Effort): Effort {
  return { seconds, repeats: 3, warmUpSeconds: 0 };
}

export async function compare(contestants: readonly Contestant[], effort: Effort): Promise<Measured[]> {
  const taken = contestants.map(() => ({ rates: [] as number[], cpu: [] as number[], failed: 0 }));
  if (effort.warmUpSeconds > 0) {
    for (const { server, run } of contestants) await run(warmUpOf(server, effort.warmUpSeconds));
  }
  for (let round = 0; round < effort.repeats; round++) {
    for (const [index, { server, run }] of contestants.entries()) {
      const before = server?.cpuMicros() ?? 0;
      const rate = await run(effort.seconds);
      const one = taken[index];
      if (one === undefined) continue;
      one.rates.push(rate.perSecond);
      if (server !== undefined) one.cpu.push((server.cpuMicros() - before) / Math.max(1, rate.requests));
      one.failed += rate.failed;
    }
  }
  return contestants.map(({ name }, index) => {
    const { rates = [], cpu = [], failed = 0 } = taken[index] ?? {};
    const cpuMicros = cpu.length > 0 ? spreadOf(cpu) : undefined;
    return { name, amount: spreadOf(rates), unit: "/s", cpuMicros, failed };
  });
}

/** Those that have run: the first work of a server is what V8 has not compiled yet, the more of it the longer. */
const warm = new WeakSet<Served>();

function warmUpOf(server: Served | undefined, seconds: number): number {
  if (server === undefined || warm.has(server)) return seconds;
  warm.add(server);
  return FIRST_WARM_UP * seconds;
}

/** One of those that are compared by how long a single call takes, with nothing else going on. */
export interface Timed {
  readonly name: string;
  call(): Promise<void>;
}

/** Call by call in turn; the amounts are the medians of each round. */
export async function alternate(
  timed: readonly Timed[],
  { rounds, calls }: { readonly rounds: number; readonly calls: number },
): Promise<Measured[]> {
  const medians = timed.map((): number[] => []);
  // The first round is the warm-up.
  for (let round = 0; round <= rounds; round++) {
    const times = timed.map((): number[] => []);
    for (let call = 0; call < calls; call++) {
      for (const [index, one] of timed.entries()) {
        const begun = performance.now();
        await one.call();
        times[index]?.push(performance.now() - begun);
      }
    }
    if (round > 0) for (const [index, taken] of times.entries()) medians[index]?.push(quantile(taken, 0.5));
  }
  return timed.map(({ name }, index) => ({ name, amount: spreadOf(medians[index] ?? []), unit: " ms" }));
}

/** The ratio of two medians; not a number if one was not measured. */
export function ratio(measured: readonly Measured[], a: string, b: string): number {
  const of = (name: string) => measured.find((one) => one.name === name)?.amount.median ?? Number.NaN;
  return of(a) / of(b);
}
