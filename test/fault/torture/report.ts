// Tells of a run: a line while it goes on, a report in Markdown at its end.
import { arch, availableParallelism, platform, release } from "node:os";
import { FAULTS } from "../history/check.ts";
import { addFigures, type Figures } from "../scenarios/scenario.ts";
import { type Holding, holdings } from "./holding.ts";
import type { SuiteOutcome } from "./suite.ts";
import type { Outcome, Progress } from "./torture.ts";

/** One line of 120 characters at most. */
export function line({ seconds, turn, turns, figures, findings, rest }: Progress, minutes: number): string {
  const told = [
    `${clock(seconds)} of ${clock(minutes * 60)}`,
    `${turns} turns`,
    turn,
    `${number(figures.acknowledged)} acknowledged`,
    `${number(figures["inputs tried"])} inputs`,
    `${findings} findings`,
    ...(rest === undefined ? [] : [`${mebibytes(rest.heapUsed)} MiB, ${rest.ownFiles} files at rest`]),
  ];
  return told.join(" · ").slice(0, 120);
}

export function report({ options, seconds, turns, rests, findings: found }: Outcome, suite?: SuiteOutcome): string {
  const findings = [...(suite?.findings ?? []), ...found];
  const all = addFigures(...turns.map((turn) => turn.figures));
  const { seed, only, minutes, share } = options;
  const names = [...new Set(turns.map(({ name }) => name))].sort();
  const words = [`--minutes ${minutes}`, `--seed ${seed}`, ...(only ? [`--only ${only.join(",")}`] : [])];
  if (share !== undefined && share !== 1) words.push(`--share ${share}`);
  const { first, warm, last } = holdings(rests);
  const lines = [
    "# Torture run",
    "",
    `${clock(seconds + (suite?.seconds ?? 0))} (minutes:seconds), ${turns.length} turns, Node ${process.version}, ${platform()} ${release()} ${arch()}, ${availableParallelism()} cores.`,
    `The same again: \`npm run test:torture -- ${words.join(" ")}\``,
    "",
    ...table(
      ["what", "count"],
      [
        ["kills of PostgreSQL", number(all["kills of PostgreSQL"])],
        ["other troubles, several at a time", number(all.troubles)],
        ["writes acknowledged", number(all.acknowledged)],
        ["writes refused, or of unknown outcome", `${number(all.failed)}, ${number(all.unknown)}`],
        ["calls repeated under their request id", number(all.repeats)],
        ["inputs tried on the wire", number(all["inputs tried"])],
        ["inputs tried in process", number(all["inputs decoded"])],
        ["**lost**", number(all.lost)],
        ["**doubled**", number(all.doubled)],
        ["**missing from `seq`, or twice**", number(all.gap)],
        ["**out of order**", number(all.disordered)],
        ["**any other fault of a history**", number(otherFaults(all))],
      ],
    ),
    "",
    ...(suite === undefined
      ? []
      : [
          `The tests of full size took ${clock(suite.seconds)}: ${number(suite.passed)} passed, with ${number(suite.values)} values written and read back, and ${number(suite.calls)} calls compared with Connect's own handlers.`,
          "",
        ]),
    "What the server that stood through it held when nobody called (medians of up to five minutes):",
    "",
    ...table(
      ["", "at first", "after ten minutes", "at the end"],
      [
        ["heap, MiB", ...cells(({ heap }) => mebibytes(heap))],
        ["buffers outside the heap, MiB", ...cells(({ buffers }) => mebibytes(buffers))],
        ["resident, MiB", ...cells(({ resident }) => mebibytes(resident))],
        ["file descriptors, without PostgreSQL's", ...cells(({ files }) => String(files))],
        ["timers", ...cells(({ timers }) => String(timers))],
        ["calls and subscriptions open", ...cells(({ openCalls }) => String(openCalls))],
        ["transactions open", ...cells(({ transactions }) => String(transactions))],
      ],
    ),
    "",
    "## Findings",
    "",
    ...(findings.length === 0 ? ["None."] : findings.map((finding) => `- ${finding.replaceAll("\n", " ")}`)),
    "",
    "## Turns",
    "",
    ...names.flatMap((name) => {
      const own = turns.filter((turn) => turn.name === name);
      const spent = own.reduce((sum, turn) => sum + turn.seconds, 0);
      const figures = Object.entries(addFigures(...own.map((turn) => turn.figures))).filter(
        ([key]) => !(key in FAULTS),
      );
      return [
        `- **${name}**, ${own.length} times, ${clock(spent)}: ${figures.map(([key, value]) => `${key} ${number(value)}`).join(", ")}`,
      ];
    }),
    "",
  ];
  return lines.join("\n");

  function cells(tell: (holding: Holding) => string): string[] {
    return [first, warm, last].map((holding) => (holding === undefined ? "" : tell(holding)));
  }
}

const NAMED = new Set(["lost", "doubled", "gap", "disordered"]);

function otherFaults(all: Figures): number {
  return Object.keys(FAULTS)
    .filter((fault) => !NAMED.has(fault))
    .reduce((sum, fault) => sum + (all[fault] ?? 0), 0);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(row)];
}

function number(value = 0): string {
  return Math.round(value).toLocaleString("en");
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}

function clock(seconds: number): string {
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
