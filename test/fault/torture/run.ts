// The command: `npm run test:torture -- [--minutes 10] [--seed 1] [--only survival,tests] [--share 1] [--report file]`.
// First come the tests that have a full size of their own, then scenarios until the time is over.
// Status 0: nothing was found. 1: something was. 2: it was called wrongly.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { PROGRAMME, type TurnName } from "./programme.ts";
import { line, report } from "./report.ts";
import { runSuite, type SuiteOutcome } from "./suite.ts";
import { type Outcome, type Progress, torture } from "./torture.ts";

/** How the tests are called beside the scenarios. */
const TESTS = "tests";
const NOTHING_YET = { turns: 0, figures: {}, findings: 0, rest: undefined };

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    share: { type: "string", default: "1" },
    report: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const share = Number(values.share);
const only = values.only?.split(",");
const turns = only?.filter((name) => name !== TESTS) as TurnName[] | undefined;
const wrong = turns?.find((name) => !(name in PROGRAMME));
if (wrong !== undefined || !(minutes > 0) || !Number.isInteger(seed) || !(share > 0 && share <= 1)) {
  process.stderr.write(
    `--only takes ${[TESTS, ...Object.keys(PROGRAMME)].join(", ")}; --minutes, --seed and --share numbers\n`,
  );
  process.exit(2);
}

/** On a terminal one line that changes; in a file a line for each turn. */
let last = "";
function tell(progress: Progress): void {
  const text = line(progress, minutes);
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (progress.turn !== last) process.stderr.write(`${text}\n`);
  last = progress.turn;
}

const onFinding = (finding: string) => process.stderr.write(`\n${finding}\n`);

const begun = performance.now();
const suite = only === undefined || only.includes(TESTS) ? await suiteWithProgress() : undefined;
suite?.findings.forEach(onFinding);
const left = Math.max(0, minutes - (performance.now() - begun) / 60_000);

/** After each turn, so that a run that is stopped has its report too. */
function keep(so: Outcome): void {
  if (values.report !== undefined) writeFileSync(values.report, report(whole(so), suite));
}

/** As the whole run was asked for. */
function whole(so: Outcome): Outcome {
  return { ...so, options: { ...so.options, minutes, ...(only && { only: only as TurnName[] }) } };
}

const told = { onProgress: tell, onFinding, onTurn: keep };
const outcome =
  turns?.length === 0
    ? { options: { minutes, seed }, seconds: 0, turns: [], rests: [], findings: [] }
    : await torture({ minutes: left, seed, share, ...(turns && { only: turns }), ...told });
process.stderr.write("\n");
process.stdout.write(report(whole(outcome), suite));
keep(outcome);
// Connections of clients that nobody closes would hold this process for minutes.
process.exit(outcome.findings.length + (suite?.findings.length ?? 0) > 0 ? 1 : 0);

async function suiteWithProgress(): Promise<SuiteOutcome> {
  const tick = () => tell({ seconds: (performance.now() - begun) / 1_000, turn: TESTS, ...NOTHING_YET });
  tick();
  const ticking = setInterval(tick, 1_000);
  try {
    return await runSuite({ minutes });
  } finally {
    clearInterval(ticking);
  }
}
