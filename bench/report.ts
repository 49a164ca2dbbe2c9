// What a run gives: rows of goals, as a table in Markdown and as JSON.
import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import type { Curve } from "./curve.ts";
import type { Measured } from "./measure.ts";

export interface Verdict {
  /** What is compared, such as `/ bare`. */
  readonly what: string;
  /** Not a number: not measured. */
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
  /** Drawn beside the table. */
  readonly curve?: Curve;
}

export interface Report {
  readonly date: string;
  readonly machine: string;
  /** How it was measured. */
  readonly setting: string;
  readonly rows: readonly Row[];
}

/** Undefined: not measured. */
export function isMet({ value, atLeast, atMost }: Verdict): boolean | undefined {
  if (Number.isNaN(value)) return undefined;
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toString();
}

function goalOf({ atLeast, atMost, unit = "" }: Verdict): string {
  if (atLeast !== undefined) return `≥ ${number(atLeast)}${unit}`;
  return atMost === undefined ? "" : `≤ ${number(atMost)}${unit}`;
}

function amountOf({ name, amount: { median, least, most }, unit, cpuMicros, failed = 0 }: Measured): string {
  const spread = least === most ? "" : ` (${number(least)} to ${number(most)})`;
  const cpu = cpuMicros === undefined ? "" : `, ${number(cpuMicros.median)} µs`;
  return `${name} ${number(median)}${unit}${spread}${cpu}${failed > 0 ? `, **${failed} failed**` : ""}`;
}

function resultOf(verdict: Verdict): string {
  const { what, value, unit = "" } = verdict;
  const met = isMet(verdict);
  if (met === undefined) return `${what} not measured`;
  return `${what} **${number(value)}${unit}** ${met ? "✓" : "✗"}`;
}

/** The tables of a report. */
export function markdown({ date, machine, setting, rows }: Report): string {
  const lines = [
    "| # | work | measured: median (least to most), server CPU a request | result | goal |",
    "|---|---|---|---|---|",
    ...rows.map(({ goal, work, measured, verdicts, notes = [] }) => {
      const cells = [[...measured.map(amountOf), ...notes], verdicts.map(resultOf), verdicts.map(goalOf)];
      return `| ${[goal, work, ...cells.map((cell) => cell.join("<br>"))].join(" | ")} |`;
    }),
    "",
    `Machine: ${machine}. ${setting}. ${date}.`,
  ];
  return lines.join("\n");
}

/** What was measured on. */
export function machine(): string {
  const [cpu] = cpus();
  const load = readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 3).join(" ");
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpu?.model.trim()}, ${memory} GiB, Linux ${release()}, Node ${process.version}, load average at the end ${load}`;
}
