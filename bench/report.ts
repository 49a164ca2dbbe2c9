// What a run gives: rows of goals, printed as a table and written as JSON.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import type { Measured } from "./measure.ts";

export interface Verdict {
  /** What is compared, such as `colloquy / bare`. */
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit?: string;
}

export interface Row {
  readonly goal: string;
  readonly work: string;
  readonly measured: readonly Measured[];
  readonly verdicts: readonly Verdict[];
  /** Whatever else is worth knowing. */
  readonly notes?: readonly string[];
}

export function isMet({ value, atLeast, atMost }: Verdict): boolean {
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

function goalOf({ atLeast, atMost }: Verdict): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? "" : `≤ ${atMost}`;
}

/** The table of the documentation, in Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = [
    "| # | work | measured (requests/s: median, least to most; CPU) | result | goal |",
    "|---|---|---|---|---|",
  ];
  for (const { goal, work, measured, verdicts, notes = [] } of rows) {
    const figures = measured.map(({ name, perSecond: { median, least, most }, cpuMicros, failed }) => {
      const cpu = cpuMicros === undefined ? "" : `; ${number(cpuMicros.median)} µs`;
      const broken = failed > 0 ? `; **${failed} failed**` : "";
      return `${name} ${number(median)} (${number(least)} to ${number(most)}${cpu}${broken})`;
    });
    const results = verdicts.map((v) => `${v.what} ${number(v.value)}${v.unit ?? ""} ${isMet(v) ? "✓" : "✗"}`);
    const goals = verdicts.map((v) => `${goalOf(v)}${v.unit ?? ""}`);
    const cells = [goal, work, [...figures, ...notes].join("<br>"), results.join("<br>"), goals.join("<br>")];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

/** What was measured on. */
export function machine(): string {
  const [cpu] = cpus();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" ");
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB, Linux ${release()}, Node ${process.version}; load average at the end ${load}`;
}
