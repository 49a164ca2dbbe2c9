// What 50 members who type cost the sends to 1,000 followers of one conversation.
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Caller, createCaller } from "../caller.ts";
import { MEMBER } from "../layout.ts";
import { brief, type Contestant, compare, ratio } from "../measure.ts";
import { endWithThis } from "../process.ts";
import type { Row } from "../report.ts";
import { ROOT, type Stage } from "../stage.ts";
import { type Received, SIGNAL, type Wanted } from "../subscribers.ts";

const FOLLOWERS = Number(process.env.BENCH_SUBSCRIBERS ?? 1_000);
const TYPISTS = 50;
/** As often as each may. */
const TYPES_EVERY_MS = 2_000;
const SENDERS = 8;
/** With what is typed before, each types several times. */
const SECONDS = 3;
const V1 = "/colloquy.v1";

export async function typists(stage: Stage): Promise<Row> {
  const server = await stage.colloquy();
  const admin = createCaller(server.port, stage.token("admin"));
  const names = Array.from({ length: TYPISTS }, (_, n) => `typist-${n}`);
  for (const memberId of names) await admin.json(`${V1}.DirectoryService/UpsertMember`, { memberId });
  const { text: key } = await admin.json<{ text: string }>(`${V1}.AccessService/CreateApiKey`, {
    apiKey: { name: "typists", scopes: ["API_KEY_SCOPE_READ", "API_KEY_SCOPE_WRITE", "API_KEY_SCOPE_ADMIN"] },
  });
  const caller = createCaller(server.port, stage.token(), SENDERS);
  const { conversation } = await caller.json<{ conversation: { id: string } }>(
    `${V1}.ConversationService/CreateConversation`,
    { conversation: { title: "typists" }, participantIds: names },
  );
  const conversationId = conversation.id;
  const run = randomBytes(4).toString("hex");
  const followers = fork(join(ROOT, "bench/subscribers.ts"), { serialization: "advanced" });
  endWithThis(followers);
  const wanted: Wanted = {
    ...{ port: server.port, token: stage.token(), conversationId, afterSeq: "0", subscribers: FOLLOWERS },
    ...{ run, count: 1, includeSignals: true },
  };
  followers.send(wanted);
  await once(followers, "message");
  const result = once(followers, "message") as Promise<[Received]>;

  const typing = createCaller(server.port, key, TYPISTS);
  const quiet: Contestant = {
    name: "nobody types",
    server,
    async run(seconds) {
      // What was typed before is over.
      await sleep(TYPES_EVERY_MS);
      return await sends(caller, conversationId, seconds);
    },
  };
  let typed = 0;
  const busy: Contestant = {
    name: `${TYPISTS} type`,
    server,
    async run(seconds) {
      const stop = new AbortController();
      const running = names.map(async (name, index) => {
        await sleep((index * TYPES_EVERY_MS) / TYPISTS);
        while (!stop.signal.aborted) {
          await typing.send(`${V1}.SignalService/SendSignal`, JSON.stringify({ conversationId, name: SIGNAL }), {
            "x-act-for": name,
          });
          typed++;
          await sleep(TYPES_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
        }
      });
      await sleep(TYPES_EVERY_MS);
      const rate = await sends(caller, conversationId, seconds);
      stop.abort();
      await Promise.all(running);
      return rate;
    },
  };
  const measured = await compare([quiet, busy], { ...brief(stage.effort), seconds: SECONDS });
  await send(caller, conversationId, `<~0@${run}~>`);
  const [{ signals }] = await result;
  for (const one of [admin, caller, typing]) one.close();
  return {
    goal: "–",
    work: `Sends of ${SENDERS} callers to ${FOLLOWERS.toLocaleString("en")} followers of one conversation, of ${MEMBER}, in which ${TYPISTS} members type`,
    measured,
    verdicts: [
      { what: "sends, typing / not", value: ratio(measured, busy.name, quiet.name), atLeast: 0.97 },
      { what: "signals that came, of those typed for each", value: signals / (typed * FOLLOWERS), atLeast: 0.5 },
    ],
  };
}

/** One after the other on each connection. */
async function sends(caller: Caller, conversationId: string, seconds: number) {
  const begun = performance.now();
  let requests = 0;
  let failed = 0;
  const working = Array.from({ length: SENDERS }, async () => {
    while (performance.now() - begun < seconds * 1000) {
      if (await send(caller, conversationId, "lorem ipsum dolor sit amet")) requests++;
      else failed++;
    }
  });
  await Promise.all(working);
  return { requests, failed, perSecond: (requests * 1000) / (performance.now() - begun) };
}

async function send(caller: Caller, conversationId: string, content: string): Promise<boolean> {
  const { status } = await caller.send(
    `${V1}.MessageService/SendMessage`,
    JSON.stringify({ conversationId, message: { content } }),
  );
  return status === 200;
}
