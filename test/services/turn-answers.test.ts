// What the answers to a turn may be: the limits of each, and of the turn that they belong to.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());
afterEach(() => {
  agent.script.length = 0;
});

async function waiting(...callIds: string[]) {
  const tenant = await server.tenant("alice");
  const look = { name: "look", description: "Looks", inputSchemaJson: '{"type":"object"}' };
  await tenant
    .key()
    .agents.createAgent({ agent: { name: "helper", connector: { case: "echo", value: {} }, tools: [look] } });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  agent.script.push(says(callIds.flatMap((callId) => calls(callId, "look"))));
  const { turnId } = await readTurn(
    alice.turns.chat({ conversationId, message: { content: "hi" }, streamEntries: true }),
  );
  return { alice, turnId };
}

const result = (callId: string, value: string) => ({ callId, output: { case: "text" as const, value } });

test("count towards the bytes of the turn, whichever call brings them; what goes past is refused as a whole", async () => {
  const ids = Array.from({ length: 11 }, (_, index) => `c${index}`);
  const { alice, turnId } = await waiting(...ids);
  const bring = (results: ReturnType<typeof result>[]) => alice.turns.answerTurn({ turnId, results });
  const long = "x".repeat(1_000_000);
  await bring(ids.slice(0, 4).map((id) => result(id, long)));
  await bring(ids.slice(4, 7).map((id) => result(id, long)));
  await bring([result("c7", long)]);
  const failure = await failureOf(bring([result("c8", "short"), result("c9", long)]));
  expect(failure).toMatchObject({ reason: "INVALID_FIELD" });
  expect(failure.message).toMatch(
    /^results: must be at most 38\d{4} bytes as JSON, which are left of the 8388608 of the turn$/,
  );
  const { turn } = await alice.turns.getTurn({ turnId });
  expect(turn?.state).toBe(TurnState.INPUT_REQUIRED);
  expect(turn?.awaited.map(({ callId }) => callId)).toEqual(["c8", "c9", "c10"]);
  // What the agent says then counts too.
  agent.script.push(says(text("y".repeat(200_000)), calls("d", "look"), text("z".repeat(200_000))));
  await bring(["c8", "c9", "c10"].map((id) => result(id, "short")));
  const { error } = await readTurn(alice.turns.resumeTurn({ turnId, streamEntries: true }));
  expect(String(error)).toContain("the reply is longer than a turn may be");
});

test("are refused by the field that breaks a rule, of nested parts too", async () => {
  const { alice, turnId } = await waiting("a");
  const bring = (parts: object[]) => {
    const output = { case: "parts", value: { parts } };
    return failureOf(alice.turns.answerTurn({ turnId, results: [{ callId: "a", output } as never] }));
  };
  const part = (more: object = {}) => ({ content: { case: "text", value: { text: "x" } }, ...more });
  expect(await bring(Array.from({ length: 512 }, () => part()))).toMatchObject({
    message: "results[0]: must be at most 512 parts, those in tool results included",
  });
  expect(await bring([part({ id: "1" }), part({ id: "1" })])).toMatchObject({
    message: "results[0].parts.parts[1].id: must be unique in its message",
  });
});

test("F-INPUT-TIME: of a part of what a turn waits for leave the time until which it waits", async () => {
  const { alice, turnId } = await waiting("a", "b", "c");
  const until = (await alice.turns.getTurn({ turnId })).turn?.inputExpireTime;
  expect(until).toBeDefined();
  for (const callId of ["a", "b"]) {
    const { turn } = await alice.turns.answerTurn({ turnId, results: [result(callId, "x")] });
    expect(turn?.inputExpireTime).toEqual(until);
    expect((await alice.turns.getTurn({ turnId })).turn?.inputExpireTime).toEqual(until);
  }
});
