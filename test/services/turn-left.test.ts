// Queued turns whose server goes before they have begun: another runs them.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { calls, says, scriptedAgent, text } from "../support/scripted-agent.ts";
import { type StoreServer, startStoreServer } from "../support/store-server.ts";
import { readTurn } from "../support/turn-events.ts";

const HOUR_MS = 3_600_000;
const agent = scriptedAgent();
/** Finds at once what others have left. */
let finder: StoreServer;
const open: StoreServer[] = [];
beforeAll(async () => {
  const turnTimes = { saveEveryMs: 50, leaseMs: HOUR_MS, renewEveryMs: HOUR_MS, sweepEveryMs: 10 };
  finder = await startStoreServer({ agent: agent.connector, turnTimes });
});
afterAll(() => finder.close());
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

async function beside(leaseMs: number): Promise<StoreServer> {
  const turnTimes = { saveEveryMs: 50, leaseMs, renewEveryMs: HOUR_MS, sweepEveryMs: HOUR_MS };
  const server = await startStoreServer({ agent: agent.connector, beside: finder, turnTimes });
  open.push(server);
  return server;
}

/** A conversation in which one turn waits for a client, and behind it two that the server has. */
async function queuedAt(server: StoreServer) {
  const tenant = await finder.tenant("alice");
  const own = { name: "helper", connector: { case: "echo", value: {} }, tools: [{ name: "ask" }] } as object;
  await tenant.key().agents.createAgent({ agent: own });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  agent.script.push(says(calls("c1", "ask")));
  const first = await readTurn(
    alice.turns.chat({ conversationId, message: { content: "first" }, streamEntries: true }),
  );
  expect(first.turn?.state).toBe(TurnState.INPUT_REQUIRED);
  const there = server.sameTenant(tenant).member("alice");
  const queued: string[] = [];
  for (const content of ["second", "third"]) {
    for await (const { event } of there.turns.chat({
      conversationId,
      message: { content },
      ifRunning: TurnPolicy.QUEUE,
    })) {
      if (event.case === "started") queued.push(event.value.turn?.id ?? "");
      break;
    }
  }
  return { tenant, firstId: first.turnId, queued };
}

async function runTheRest({ tenant, firstId, queued }: Awaited<ReturnType<typeof queuedAt>>) {
  const alice = tenant.member("alice");
  agent.script.push(says(text("One.")), says(text("Two.")), says(text("Three.")));
  await alice.turns.answerTurn({
    turnId: firstId,
    results: [{ callId: "c1", output: { case: "text", value: "yes" } }],
  });
  const ended = [];
  for (const turnId of [firstId, ...queued]) {
    const { turn } = await readTurn(alice.turns.resumeTurn({ turnId, streamEntries: true }), { stopsAtWait: false });
    ended.push([turn?.state, turn?.failure]);
  }
  const complete = [TurnState.COMPLETE, ""];
  expect(ended).toEqual([complete, complete, complete]);
}

test("a server that stops leaves them to others, which run them in their order", async () => {
  const server = await beside(HOUR_MS);
  const own = await queuedAt(server);
  await server.turns.close();
  await runTheRest(own);
});

test("a server that is gone has them taken over once its lease is, and starts none of them when it comes back", async () => {
  const own = await queuedAt(await beside(1));
  await runTheRest(own);
});
