// Runs the scenarios, prints the table, and writes it as JSON.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SIZES } from "./layout.ts";
import { CAN_PIN } from "./process.ts";
import { isMet, machine, type Row, table } from "./report.ts";
import { p1, p2, p5, p6 } from "./scenarios/reads.ts";
import { setStage } from "./stage.ts";

const SCENARIOS = { P1: p1, P2: p2, P5: p5, P6: p6 } as const;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    only: { type: "string" },
    seconds: { type: "string" },
    repeats: { type: "string" },
  },
});
const sizes = values.quick ? SIZES.quick : values.full ? SIZES.full : SIZES.default;
const effort = {
  seconds: Number(values.seconds ?? (values.quick ? 2 : 4)),
  repeats: Number(values.repeats ?? (values.quick ? 3 : 5)),
  warmUpSeconds: values.quick ? 1 : 2,
};
const wanted = values.only?.split(",") ?? Object.keys(SCENARIOS);
const say = (line: string) => process.stderr.write(`${line}\n`);

const stage = await setStage(sizes, effort, say);
const rows: Row[] = [];
try {
  for (const [goal, scenario] of Object.entries(SCENARIOS)) {
    if (!wanted.includes(goal)) continue;
    say(`${goal} …`);
    rows.push(...[await scenario(stage)].flat());
  }
} finally {
  await stage.close();
}

const setting = `${effort.repeats} repetitions of ${effort.seconds} s in turn, data "${sizes.name}", ${
  CAN_PIN ? "each server alone on one core, load and PostgreSQL on the others" : "servers, load and PostgreSQL together"
}`;
process.stdout.write(`${table(rows)}\n\nMachine: ${machine()}\nMeasured: ${setting}\n`);
const results = join(import.meta.dirname, "results");
mkdirSync(results, { recursive: true });
const report = {
  ...{ machine: machine(), sizes, effort },
  rows: rows.map((row) => ({ ...row, verdicts: row.verdicts.map((v) => ({ ...v, met: isMet(v) })) })),
};
writeFileSync(join(results, `${sizes.name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
