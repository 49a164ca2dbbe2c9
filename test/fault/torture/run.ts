// The command: `npm run test:torture -- [--minutes 10] [--seed 1] [--only survival,once] [--share 1] [--report file]`.
// Status 0: nothing was found. 1: something was. 2: it was called wrongly.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { PROGRAMME, type TurnName } from "./programme.ts";
import { line, report } from "./report.ts";
import { type Outcome, type Progress, torture } from "./torture.ts";

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
const only = values.only?.split(",") as TurnName[] | undefined;
const wrong = only?.find((name) => !(name in PROGRAMME));
if (wrong !== undefined || !(minutes > 0) || !Number.isInteger(seed) || !(share > 0 && share <= 1)) {
  process.stderr.write(`--only takes ${Object.keys(PROGRAMME).join(", ")}; --minutes, --seed and --share numbers\n`);
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
/** After each turn, so that a run that is stopped has its report too. */
function keep(so: Outcome): void {
  if (values.report !== undefined) writeFileSync(values.report, report(so));
}

const told = { onProgress: tell, onFinding, onTurn: keep };
const outcome = await torture({ minutes, seed, share, ...(only && { only }), ...told });
process.stderr.write("\n");
process.stdout.write(report(outcome));
keep(outcome);
// Connections of clients that nobody closes would hold this process for minutes.
process.exit(outcome.findings.length > 0 ? 1 : 0);
