// Everything that is measured, by the goal that it belongs to, in the order of the table.
import type { BY_NAME_SECONDS, PLANNED_SECONDS } from "./plan.ts";
import type { Row } from "./report.ts";
import { branches } from "./scenarios/branches.ts";
import { browsers } from "./scenarios/browsers.ts";
import { bytes } from "./scenarios/bytes.ts";
import { chats } from "./scenarios/chats.ts";
import { curves } from "./scenarios/curves.ts";
import { deadEndpoints } from "./scenarios/dead-endpoints.ts";
import { p7, p12, pages } from "./scenarios/depth.ts";
import { dialect } from "./scenarios/dialects.ts";
import { p13 } from "./scenarios/fairness.ts";
import { files } from "./scenarios/files.ts";
import { hot } from "./scenarios/hot.ts";
import { importing } from "./scenarios/import.ts";
import { p9 } from "./scenarios/live.ts";
import { nodes } from "./scenarios/nodes.ts";
import { p8 } from "./scenarios/overload.ts";
import { parts } from "./scenarios/parts.ts";
import { processes } from "./scenarios/processes.ts";
import { reactionPages } from "./scenarios/reactions.ts";
import { p1, p2, p5, p6 } from "./scenarios/reads.ts";
import { p11 } from "./scenarios/start.ts";
import { steps } from "./scenarios/steps.ts";
import { tokens } from "./scenarios/tokens.ts";
import { turns } from "./scenarios/turns.ts";
import { typists } from "./scenarios/typists.ts";
import { webhooks } from "./scenarios/webhooks.ts";
import { p3, p4 } from "./scenarios/writes.ts";
import type { Stage } from "./stage.ts";

export type Scenario = (stage: Stage) => Promise<Row | Row[]>;

async function p10(): Promise<Row> {
  const notes = ["a test, exact on any machine: `test/services/round-trips.test.ts`"];
  return {
    goal: "P10",
    work: "Database round trips of Get, List, Send: exactly one",
    measured: [],
    verdicts: [],
    notes,
  };
}

export const SCENARIOS: Readonly<Record<keyof typeof PLANNED_SECONDS | keyof typeof BY_NAME_SECONDS, Scenario>> = {
  ...{ P1: p1, P2: p2, P3: p3, P4: p4, P5: p5, P6: p6, P7: p7, P8: p8, P9: p9, P10: p10, P11: p11, P12: p12, P13: p13 },
  ...{
    hot,
    dialect,
    pages,
    branches,
    import: importing,
    turns,
    steps,
    chats,
    browsers,
    tokens,
    parts,
    reactions: reactionPages,
    typists,
    webhooks,
    deadEndpoints,
    files,
    bytes,
    processes,
    nodes,
    curves,
  },
};
