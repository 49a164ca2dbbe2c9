// P13: many tenants that call a little, with and without one that calls ten times its share.
import { join } from "node:path";
import { createCaller } from "../caller.ts";
import { FEWEST_TENANTS } from "../layout.ts";
import { HAS_H2LOAD } from "../load.ts";
import { quantile, spreadOf } from "../measure.ts";
import { type OpenLoad, openLoop } from "../open-loop.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const WORK = `One tenant at 10 times its share beside ${FEWEST_TENANTS - 1} that take a quarter of the capacity: get one conversation`;
const QUIET = FEWEST_TENANTS - 1;
const ROUNDS = 3;
const SERVED = 200;
const REFUSED = new Set([429, 503]);

export async function p13(stage: Stage): Promise<Row> {
  if (!HAS_H2LOAD) {
    return { goal: "P13", work: WORK, measured: [], verdicts: [], notes: ["not measured: h2load is missing"] };
  }
  const server = await stage.colloquy();
  const loads = await Promise.all(
    Array.from({ length: FEWEST_TENANTS }, async (_, n) => loadOf(server.port, stage.tokenOf(n + 1))),
  );
  // As many calls as a p99 needs.
  const seconds = stage.sizes.name === "quick" ? 1 : 2;
  const [flood, ...quiet] = loads as [Load, ...Load[]];
  const run = async (load: OpenLoad, name: string) =>
    (await openLoop(load, seconds, join(stage.directory, name))).answers;
  const ok = (answers: Awaited<ReturnType<typeof run>>) => answers.filter(({ status }) => status === SERVED);
  const quietly = async (perSecond: number) => {
    const all = await Promise.all(
      quiet.map((load, n) => run({ ...load, connections: 1, streams: 16, perSecond: perSecond / QUIET }, `quiet-${n}`)),
    );
    return all.flat();
  };
  const taken = { alone: [] as number[], beside: [] as number[], flood: [] as number[] };
  let refused = 0;
  const peak = ok(await run({ ...flood, connections: 8, streams: 4, perSecond: undefined }, "flood")).length;
  const perSecond = peak / seconds;
  for (let round = 0; round < ROUNDS; round++) {
    taken.alone.push(p99(await quietly(perSecond / 4)));
    // A share is what each would have if all took the same.
    const tenTimes = { ...flood, connections: 8, streams: 100, perSecond: (10 * perSecond) / FEWEST_TENANTS };
    const [beside, flooded] = await Promise.all([quietly(perSecond / 4), run(tenTimes, "flood")]);
    taken.beside.push(p99(beside));
    taken.flood.push(p99(flooded));
    refused += beside.filter(({ status }) => REFUSED.has(status)).length;
  }
  const measured = [
    { name: "capacity", amount: spreadOf([perSecond]), unit: "/s" },
    { name: "p99 of the quiet ones alone", amount: spreadOf(taken.alone), unit: " ms" },
    { name: "beside the flood", amount: spreadOf(taken.beside), unit: " ms" },
    { name: "p99 of the flood", amount: spreadOf(taken.flood), unit: " ms" },
  ];
  const ratios = taken.beside.map((beside, round) => beside / (taken.alone[round] ?? Number.NaN));
  return {
    goal: "P13",
    work: WORK,
    measured,
    verdicts: [
      { what: "p99, beside the flood / alone", value: spreadOf(ratios).median, atMost: 2 },
      { what: "calls of the quiet ones refused", value: refused, atMost: 0 },
    ],
  };
}

type Load = Omit<OpenLoad, "connections" | "streams" | "perSecond">;

/** Reads a conversation of its own. */
async function loadOf(port: number, token: string): Promise<Load> {
  const caller = createCaller(port, token);
  const path = "/colloquy.v1.ConversationService/CreateConversation";
  const { conversation } = await caller.json<{ conversation: { id: string } }>(path, {});
  caller.close();
  return {
    port,
    paths: ["/colloquy.v1.ConversationService/GetConversation"],
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ conversationId: conversation.id }),
  };
}

function p99(answers: readonly { readonly ms: number }[]): number {
  return quantile(
    answers.map(({ ms }) => ms),
    0.99,
  );
}
