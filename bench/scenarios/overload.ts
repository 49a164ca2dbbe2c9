// P8: three times as many calls as there is room for. What is served then, and how soon the rest hears that it is not.
import { createCaller } from "../caller.ts";
import { idOf, MESSAGES_EACH } from "../layout.ts";
import { HAS_H2LOAD } from "../load.ts";
import { quantile, spreadOf } from "../measure.ts";
import { type OpenLoad, openLoop } from "../open-loop.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

const WORKS = [
  {
    work: `list ${MESSAGES_EACH} messages`,
    path: "/colloquy.v1.MessageService/ListMessages",
    body: `{"conversationId":"${idOf("conversation", 2)}","pageSize":${MESSAGES_EACH}}`,
  },
  {
    work: "send, each to another conversation",
    path: "/v1/conversations/{id}/messages",
    body: '{"content":"hello from the benchmark"}',
  },
] as const;
const REFUSED = new Set([429, 503]);
/** What h2load writes for a stream that ended without an answer. */
const NO_STATUS = -1;

export async function p8(stage: Stage): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { work, path, body } of WORKS) {
    const title = `Three times what there is room for, open loop: ${work}`;
    if (!HAS_H2LOAD) {
      const notes = ["not measured: h2load is missing"];
      rows.push({ goal: "P8", work: title, measured: [], verdicts: [], notes });
      continue;
    }
    rows.push(await overrun(stage, title, path, body));
  }
  return rows;
}

async function overrun(stage: Stage, work: string, path: string, body: string): Promise<Row> {
  const server = await stage.colloquy();
  const headers = { "content-type": "application/json", authorization: `Bearer ${stage.token()}` };
  const paths = Array.from({ length: Math.min(500, stage.sizes.conversations - 2) }, (_, n) =>
    path.replace("{id}", idOf("conversation", n + 2)),
  );
  const load = { port: server.port, paths: [...new Set(paths)], headers, body };
  const closed: OpenLoad = { ...load, connections: 8, streams: 4, perSecond: undefined };
  // From the second second on: what is refused follows from what came before.
  const seconds = stage.sizes.name === "quick" ? 1 : 2;
  const taken = { peak: [] as number[], good: [] as number[], refusal: [] as number[], late: [] as number[] };
  const served: number[] = [];
  const cpu: number[] = [];
  const others = new Map<number, number>();
  const offered: number[] = [];
  const sent: number[] = [];
  const recovery: number[] = [];
  for (let round = 0; round < (stage.sizes.name === "quick" ? 1 : 2); round++) {
    const peak = await openLoop(closed, seconds, stage.directory);
    taken.peak.push(peak.answers.filter(({ status }) => isGood(status)).length / seconds);
    const perSecond = 3 * (taken.peak.at(-1) ?? 0);
    const used = server.cpuMicros();
    const over = await openLoop({ ...load, connections: 20, streams: 500, perSecond }, seconds, stage.directory);
    recovery.push(await recovered(server.port, stage.token()));
    cpu.push((server.cpuMicros() - used) / over.all);
    const good = over.answers.filter(({ status }) => isGood(status));
    const refused = over.answers.filter(({ status }) => REFUSED.has(status)).map(({ ms }) => ms);
    taken.good.push(good.length / seconds);
    if (refused.length > 0) {
      taken.refusal.push(quantile(refused, 0.5));
      taken.late.push(quantile(refused, 0.99));
    }
    offered.push(perSecond);
    sent.push(over.answers.length / seconds);
    served.push(
      quantile(
        good.map(({ ms }) => ms),
        0.99,
      ),
    );
    for (const { status } of over.answers) others.set(status, (others.get(status) ?? 0) + 1);
  }
  const [peak, good] = [spreadOf(taken.peak), spreadOf(taken.good)];
  const refusals = [
    { name: "refusal p50", amount: spreadOf(taken.refusal), unit: " ms" },
    { name: "refusal p99", amount: spreadOf(taken.late), unit: " ms" },
  ];
  const measured = [
    { name: "peak", amount: peak, unit: "/s" },
    { name: "served of three times as many", amount: good, unit: "/s", cpuMicros: spreadOf(cpu) },
    { name: "p99 of those", amount: spreadOf(served), unit: " ms" },
    ...(taken.refusal.length > 0 ? refusals : []),
    { name: "served again after", amount: spreadOf(recovery), unit: " ms" },
  ];
  const counts = [...others]
    .toSorted(([one], [other]) => one - other)
    .map(([status, count]) => `${count} × ${status === NO_STATUS ? "no answer" : status}`);
  const [wanted, came] = [offered, sent].map((rates) => Math.round(spreadOf(rates).median));
  return {
    goal: "P8",
    work,
    measured,
    verdicts: [
      { what: "served / peak", value: good.median / peak.median, atLeast: 0.9 },
      ...(taken.refusal.length > 0
        ? [{ what: "refusal p50", value: spreadOf(taken.refusal).median, atMost: 5, unit: " ms" }]
        : []),
    ],
    notes: [counts.join(", "), `${wanted}/s wanted, ${came}/s answered`],
  };
}

function isGood(status: number): boolean {
  return status === 200 || status === 201;
}

/** Milliseconds until a call is served again. */
async function recovered(port: number, token: string): Promise<number> {
  const caller = createCaller(port, token);
  const begun = performance.now();
  const body = JSON.stringify({ conversationId: idOf("conversation", 2) });
  const path = "/colloquy.v1.ConversationService/GetConversation";
  while ((await caller.send(path, body)).status !== 200) {
    if (performance.now() - begun > 30_000) throw new Error("the server does not recover");
  }
  caller.close();
  return performance.now() - begun;
}
