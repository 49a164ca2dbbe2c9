// Whether endpoints that are dead make others late: 100 that live, with and without 900 that refuse, hang or fail.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile, spreadOf } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { setWebhookStage } from "../webhook-stage.ts";

const LIVE = 100;
const DEAD = 900;
const EVENTS = 20;
const PACE_MS = 250;
const ROUNDS = 2;

export async function deadEndpoints(stage: Stage): Promise<Row> {
  // A new endpoint looks at each conversation of its tenant.
  const few = stage.token("small admin");
  const { receiver, register, conversation, send, remove, close } = await setWebhookStage(stage, few);
  const mode = `dead-${Date.now()}`;
  const hanging = createServer(() => {});
  const failing = createServer((request, response) => request.resume().on("end", () => response.writeHead(503).end()));
  await Promise.all(
    [hanging, failing].map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
  );
  const urlOf = (port: number) => `http://127.0.0.1:${port}/`;
  const ports = [hanging, failing].map((server) => (server.address() as AddressInfo).port);
  /** Nothing listens on port 9. */
  const dead = [9, ...ports].map(urlOf);

  /** Milliseconds from the call of a sender until each of those that live has its event. */
  async function delays(name: string): Promise<number[]> {
    const conversationId = await conversation(mode);
    const sent = new Map<string, number>();
    const late: number[] = [];
    receiver.onEvent = (text, at) => {
      const begun = sent.get(/"content":"([^"]+)"/.exec(text)?.[1] ?? "");
      if (begun !== undefined) late.push(at - begun);
    };
    for (let index = 0; index < EVENTS; index++) {
      const content = `${name}-${index}`;
      sent.set(content, performance.now());
      await send(conversationId, content);
      await sleep(PACE_MS);
    }
    while (late.length < EVENTS * LIVE) await sleep(5);
    receiver.onEvent = undefined;
    return late;
  }

  try {
    for (let index = 0; index < LIVE; index++) await register(1, mode);
    await delays("warm");
    const alone: number[] = [];
    const beside: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = await delays(`alone-${round}`);
      const made: string[] = [];
      for (let index = 0; index < DEAD; index++) made.push(await register(1, mode, dead[index % dead.length]));
      const after = await delays(`beside-${round}`);
      for (const endpointId of made) await remove(endpointId);
      alone.push(...before);
      beside.push(...after);
      ratios.push(quantile(after, 0.99) / quantile(before, 0.99));
    }
    return {
      goal: "webhooks",
      work: `${LIVE} endpoints with ${DEAD} dead ones against none, 4 events a second to each`,
      measured: [
        { name: "alone", amount: spreadOf(alone), unit: "ms" },
        { name: "beside the dead", amount: spreadOf(beside), unit: "ms" },
      ],
      verdicts: [{ what: "p99 / alone", value: spreadOf(ratios).median, atMost: 2, unit: "×" }],
      notes: [`p99 ${quantile(alone, 0.99).toFixed(0)} and ${quantile(beside, 0.99).toFixed(0)} ms`],
    };
  } finally {
    await close();
    for (const server of [hanging, failing]) {
      server.close();
      server.closeAllConnections();
    }
  }
}
