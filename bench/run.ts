// Runs the scenarios, prints their table, and writes it as JSON.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { draw } from "./curve.ts";
import { replaceTable } from "./document.ts";
import { SIZES } from "./layout.ts";
import { BY_NAME_SECONDS, PLANNED_SECONDS } from "./plan.ts";
import { CAN_PIN, LOAD_CORES, pin } from "./process.ts";
import { isMet, machine, markdown, type Report, type Row } from "./report.ts";
import { SCENARIOS } from "./scenarios.ts";
import { setStage } from "./stage.ts";

const USAGE = `npm run bench -- [--quick] [--only P1,P8,import] [--seconds N] [--repeats N] [--document]
  --quick     less data, shorter: some 4 minutes instead of 11, without the seeding
  --only      some of ${Object.keys(SCENARIOS).join(", ")}
  --document  also put the curves into docs/performance/ and, without --only, the table into docs/performance.md
`;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    document: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    only: { type: "string" },
    seconds: { type: "string" },
    repeats: { type: "string" },
  },
});
const isScenario = (name: string): name is keyof typeof SCENARIOS => name in SCENARIOS;
const names = values.only?.split(",") ?? Object.keys(PLANNED_SECONDS);
const wanted = names.filter(isScenario);
const unknown = names.filter((name) => !isScenario(name));
if (values.help || unknown.length > 0) {
  process.stderr.write(`${unknown.map((name) => `there is no ${name}\n`).join("")}${USAGE}`);
  process.exit(values.help ? 0 : 2);
}
const sizes = values.quick ? SIZES.quick : SIZES.whole;
const effort = {
  seconds: Number(values.seconds ?? 1),
  repeats: Number(values.repeats ?? (values.quick ? 3 : 5)),
  // The median of three leaves a cold one out.
  warmUpSeconds: values.quick ? 0 : 1,
};
const say = (line: string) => process.stderr.write(`${line}\n`);

/** How many times as long as planned a scenario may take before the run says so. */
const LATE = 1.25;

// The load is made here and below, PostgreSQL is started from here: neither shares the servers' core.
pin(process.pid, LOAD_CORES);
const stage = await setStage(sizes, effort, say);
const rows: Row[] = [];
const begun = performance.now();
try {
  for (const name of wanted) {
    const from = performance.now();
    say(`${name} … (${Math.round((from - begun) / 1000)} s)`);
    rows.push(...(await measured(name)));
    const took = Math.round((performance.now() - from) / 1000);
    const planned = { ...PLANNED_SECONDS, ...BY_NAME_SECONDS }[name];
    if (!values.quick && took > LATE * planned + 2) say(`${name} took ${took} s, planned are ${planned}`);
  }
} finally {
  await stage.close();
}

/** One that breaks does not take the others with it. */
async function measured(name: keyof typeof SCENARIOS): Promise<Row[]> {
  try {
    return [await SCENARIOS[name](stage)].flat();
  } catch (error) {
    process.exitCode = 1;
    say(`${name} broke: ${error instanceof Error ? error.stack : error}`);
    return [{ goal: name, work: "", measured: [], verdicts: [], notes: ["**broke: see the output of the run**"] }];
  }
}

const where = CAN_PIN
  ? "each server on one core, PostgreSQL and the load on the others"
  : "servers, PostgreSQL and the load on the same cores";
const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  machine: machine(),
  setting: `${effort.repeats} repetitions of ${effort.seconds} s in turn, data "${sizes.name}", ${where}`,
  rows,
};
process.stdout.write(`${markdown(report)}\n`);
const results = join(import.meta.dirname, "results");
mkdirSync(results, { recursive: true });
const judged = rows.map((row) => ({ ...row, verdicts: row.verdicts.map((v) => ({ ...v, met: isMet(v) })) }));
writeFileSync(
  join(results, `${sizes.name}.json`),
  `${JSON.stringify({ ...report, sizes, effort, rows: judged }, undefined, 2)}\n`,
);
for (const { curve } of rows) {
  if (curve === undefined) continue;
  const folders = [results, ...(values.document ? [join(import.meta.dirname, "../docs/performance")] : [])];
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${curve.name}.svg`), draw(curve));
  }
}
if (values.document && values.only === undefined)
  replaceTable(join(import.meta.dirname, "../docs/performance.md"), markdown(report));
say(`took ${Math.round((performance.now() - begun) / 1000)} s`);
