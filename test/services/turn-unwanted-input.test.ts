// Turns that wait for input while what they wait for goes away, or the call that they wait with is changed.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { FinishReason, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { failureOf } from "../support/failure.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const HOUR_MS = 3_600_000;
const agent = scriptedAgent();
let sweeping: StoreServer;
/** Beside it one that never looks for turns. */
let still: StoreServer;
let tools: Server;
let url = "";
const ran: string[] = [];
beforeAll(async () => {
  const times = { saveEveryMs: 50, leaseMs: HOUR_MS, renewEveryMs: HOUR_MS };
  sweeping = await startStoreServer({ agent: agent.connector, turnTimes: { ...times, sweepEveryMs: 10 } });
  still = await startStoreServer({ agent: agent.connector, turnTimes: { ...times, sweepEveryMs: HOUR_MS } });
  tools = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    ran.push(JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()).input));
    response.end("{}");
  });
  await new Promise<void>((resolve) => tools.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(tools.address() as AddressInfo).port}/run`;
});
afterAll(async () => {
  await Promise.all([sweeping.close(), still.close()]);
  tools.closeAllConnections();
  await new Promise((resolve) => tools.close(resolve));
});
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
  ran.length = 0;
});

interface Scene {
  readonly tenant: TestTenant;
  readonly alice: Clients;
  readonly agentId: string;
  readonly conversationId: string;
  readonly turnId: string;
  readonly messageId: string;
  /** The entry of the call that waits, and the question about it. */
  readonly callEntry: string;
  readonly approvalId: string;
}

/** A turn that waits for consent to `run {"n": 1}`. */
async function waiting(server: StoreServer, caller = "alice"): Promise<Scene> {
  const tenant = await server.tenant("alice", "bob");
  const runs = { case: "http", value: { url } };
  const { agent: made } = await tenant.key().agents.createAgent({
    agent: {
      name: "helper",
      connector: { case: "echo", value: {} },
      tools: [{ name: "run", needsApproval: true, runs } as object],
    },
  });
  const alice = tenant.member("alice");
  const { conversation } = await alice.conversations.createConversation({
    conversation: { agent: "helper" },
    participantIds: ["bob"],
  });
  const conversationId = conversation?.id ?? "";
  agent.script.push(says(calls("c1", "run", '{"n": 1}')));
  const chat = tenant.member(caller).turns.chat({ conversationId, message: { content: "hi" }, streamEntries: true });
  const { turn, turnId } = await readTurn(chat);
  expect(turn?.state).toBe(TurnState.INPUT_REQUIRED);
  const [awaited] = turn?.awaited ?? [];
  return {
    tenant,
    alice,
    agentId: made?.id ?? "",
    conversationId,
    turnId,
    messageId: turn?.messageId ?? "",
    callEntry: awaited?.messageId ?? "",
    approvalId: awaited?.approvalId ?? "",
  };
}

/** Ways to take a waiting turn its purpose, and what the turn says then. */
const LOSSES: readonly (readonly [string, (scene: Scene) => Promise<unknown>, string])[] = [
  [
    "the message to reply to is deleted",
    ({ alice, messageId }) => alice.messages.deleteMessage({ messageId }),
    "the message was deleted",
  ],
  [
    "the conversation is closed",
    ({ alice, conversationId }) =>
      alice.conversations.updateConversation({
        conversationId,
        conversation: { status: ConversationStatus.CLOSED },
        updateMask: { paths: ["status"] },
      }),
    "the conversation was closed",
  ],
  [
    "the agent is disabled",
    ({ tenant, agentId }) =>
      tenant.key().agents.updateAgent({ agentId, agent: { disabled: true }, updateMask: { paths: ["disabled"] } }),
    "the agent was removed or disabled",
  ],
];

describe("a turn that waits for input", () => {
  test("F-ANSWER-CALLER: takes no answer of others once its caller was removed, and is cancelled", async () => {
    const failure = "the caller no longer takes part in the conversation";
    const removed = async (server: StoreServer) => {
      const own = await waiting(server, "bob");
      await own.alice.participants.removeParticipant({ conversationId: own.conversationId, memberId: "bob" });
      return own;
    };
    const { alice, turnId, approvalId } = await removed(still);
    const answer = alice.turns.answerTurn({ turnId, approvals: [{ approvalId, granted: true }] });
    expect(await failureOf(answer)).toMatchObject({ reason: "NOT_AWAITED", message: expect.stringContaining(failure) });
    const swept = await removed(sweeping);
    const turn = async () => (await swept.alice.turns.getTurn({ turnId: swept.turnId })).turn;
    await expect.poll(async () => (await turn())?.failure).toBe(failure);
    expect((await turn())?.state).toBe(TurnState.CANCELLED);
    expect(ran).toEqual([]);
  });

  test.each(LOSSES)("is cancelled when %s", async (_, lose, failure) => {
    const own = await waiting(sweeping);
    await lose(own);
    const ended = await readTurn(own.alice.turns.resumeTurn({ turnId: own.turnId, streamEntries: true }), {
      stopsAtWait: false,
    });
    expect(ended.turn).toMatchObject({ state: TurnState.CANCELLED, failure, finishReason: FinishReason.CANCELLED });
    expect(ran).toEqual([]);
  });

  test("and has lost its purpose makes way for the next message at once", async () => {
    const own = await waiting(still);
    const { alice, conversationId, messageId, turnId } = own;
    await alice.messages.deleteMessage({ messageId });
    agent.script.push(says(text("Hello.")));
    const next = await readTurn(
      alice.turns.chat({ conversationId, message: { content: "again" }, streamEntries: true }),
    );
    expect(next.turn?.state).toBe(TurnState.COMPLETE);
    const { turn } = await alice.turns.getTurn({ turnId });
    expect(turn).toMatchObject({ state: TurnState.CANCELLED, failure: "the message was deleted" });
  });

  test("and keeps its purpose goes on waiting, and its answer counts", async () => {
    const { alice, turnId, approvalId } = await waiting(sweeping);
    agent.script.push(says(text("Done.")));
    await alice.turns.answerTurn({ turnId, approvals: [{ approvalId, granted: true }] });
    const { turn } = await readTurn(alice.turns.resumeTurn({ turnId, streamEntries: true }), { stopsAtWait: false });
    expect(turn?.state).toBe(TurnState.COMPLETE);
    expect(ran).toEqual(['{"n":1}']);
  });
});

const CHANGES: readonly (readonly [string, (scene: Scene) => Promise<unknown>])[] = [
  [
    "edited",
    ({ alice, callEntry }) =>
      alice.messages.updateMessage({
        messageId: callEntry,
        message: {
          parts: [{ content: { case: "toolCall", value: { callId: "c1", name: "run", arguments: '{"n": 1000000}' } } }],
        },
        updateMask: { paths: ["parts"] },
      }),
  ],
  ["deleted", ({ alice, callEntry }) => alice.messages.deleteMessage({ messageId: callEntry })],
];

test.each(CHANGES)("a call that was %s while its consent was awaited does not run", async (_, change) => {
  const own = await waiting(still);
  const { alice, turnId, approvalId } = own;
  await change(own);
  agent.script.push(says(text("I see.")));
  await alice.turns.answerTurn({ turnId, approvals: [{ approvalId, granted: true }] });
  const { turn } = await readTurn(alice.turns.resumeTurn({ turnId, streamEntries: true }), { stopsAtWait: false });
  expect(turn?.state).toBe(TurnState.COMPLETE);
  expect(ran).toEqual([]);
  const results = given(agent.requests[1] as never).filter((line) => line.startsWith("result"));
  for (const result of results)
    expect(result).toBe("result c1 not run: the call was changed after it was made (error)");
});
