// The store does what a model of it in memory does, whatever comes in whatever order, also at once, over two servers.
import fc from "fast-check";
import { startCallingAgent } from "../model/agent.ts";
import { disagreement } from "../model/agree.ts";
import { batches } from "../model/commands.ts";
import { startOwnApp } from "../stage/app.ts";
import type { Tables } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import type { Verdict } from "./scenario.ts";

export interface ModelSize {
  /** How many sequences of commands, each on conversations of its own. */
  readonly runs: number;
}

export async function model(tables: Tables, random: Random, { runs }: ModelSize): Promise<Verdict> {
  const environment = { COLLOQUY_AGENT_PRIVATE: "yes" };
  await using first = await startOwnApp({ url: tables.url, environment });
  await using second = await startOwnApp({ url: tables.url, environment });
  const urls = [first.url, second.url];
  await using agent = await startCallingAgent();
  let commands = 0;
  const property = fc.asyncProperty(batches, async (all) => {
    commands += all.flat().length;
    const what = await disagreement({ urls, tables, agentUrl: agent.url }, all);
    if (what !== undefined) throw new Error(what);
  });
  const details = await fc.check(property, { numRuns: runs, seed: random.below(2 ** 31) });
  return {
    figures: { "sequences against the model": details.numRuns, "commands against the model": commands },
    findings: details.failed ? [`${details.errorInstance}\n${fc.defaultReportMessage(details)}`] : [],
  };
}
