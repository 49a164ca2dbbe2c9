// Regenerate: an agent replies once more to what is stored, and the earlier reply stays as another branch.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { type TurnEnded, TurnPolicy, type TurnStarted, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { type ChatStep, chat, regenerate } from "../../src/client/chat.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { FinishReason } from "../../src/domain/turns/turn.ts";
import { agent as agentActor } from "../support/actors.ts";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { readTurn } from "../support/fronts/turn-events.ts";
import { type Clients, type StoreServer, startStoreServer } from "../support/servers/store-server.ts";
import { calls, given, says, scriptedAgent, text } from "../support/services/scripted-agent.ts";

const agent = scriptedAgent();
let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ agent: agent.connector });
});
afterAll(() => server.close());
afterEach(() => {
  agent.script.length = 0;
  agent.requests.length = 0;
});

const RENEWS = { renews: false };

async function scene() {
  const tenant = await server.tenant("ann", "bob");
  const create = (name: string, more: object = {}) =>
    tenant.key().agents.createAgent({ agent: { name, connector: { case: "echo", value: {} }, ...more } });
  await create("helper", { tools: [{ name: "look" }] });
  const other = (await create("other")).agent?.id ?? "";
  const ann = tenant.member("ann");
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "helper" } });
  const conversationId = conversation?.id ?? "";
  const ask = async (content: string, reply: string, more: object = {}) => {
    agent.script.push(says(text(reply)));
    return hear(ann.turns.chat({ conversationId, message: { content, ...more } }));
  };
  const again = async (reply: string, more: object = {}) => {
    agent.script.push(says(text(reply)));
    return hear(ann.turns.regenerate({ conversationId, ...more }));
  };
  return { tenant, ann, conversationId, ask, again, other };
}

const texts = async ({ messages }: Clients, conversationId: string, more: object = {}) =>
  (await messages.listMessages({ conversationId, ...more })).messages.map(({ content }) => content).join(" ");

const idOf = ({ ended, started }: { ended?: TurnEnded; started?: TurnStarted }) => ({
  reply: ended?.reply?.id ?? "",
  asked: started?.message?.id ?? "",
});

describe("Regenerate", () => {
  test("replies once more to the same message, and keeps the earlier reply as a branch", async () => {
    const { ann, conversationId, ask, again } = await scene();
    const first = await ask("u1", "a1");
    await ask("u2", "a2");
    const { lastSeq } = (await ann.conversations.getConversation({ conversationId })).conversation ?? {};
    expect(lastSeq).toBe(5n);
    const second = await again("b2");
    expect(second.error).toBeUndefined();
    expect(second.text).toBe("b2");
    expect(second.started?.message).toMatchObject({ content: "u2", seq: 4n });
    expect(second.started?.turn).toMatchObject({ messageId: second.started?.message?.id, state: TurnState.RUNNING });
    expect(second.ended).toMatchObject({ turn: { state: TurnState.COMPLETE }, reply: { content: "b2", seq: 7n } });
    expect(await texts(ann, conversationId)).toBe("u1 a1 u2 b2");
    expect(given(agent.requests.at(-1) as never)).toEqual(["u1", "a1", "u2"]);
    const { conversation } = await ann.conversations.getConversation({ conversationId });
    expect([conversation?.messageCount, conversation?.lastSeq]).toEqual([4n, 7n]);
    const { branches } = await ann.messages.listBranches({ conversationId });
    expect(branches.map(({ messageSeq, parentId, live }) => [messageSeq, parentId, live])).toEqual([
      [5n, "", false],
      [7n, idOf(second).asked, true],
    ]);
    const { events } = await ann.events.listEvents({ conversationId, afterSeq: 5n });
    expect(events.map(({ seq, change }) => [seq, change.case])).toEqual([
      [6n, "branchSelected"],
      [7n, "messageSent"],
    ]);
    expect(events[0]?.change.value).toMatchObject({ messageId: idOf(second).asked, messageSeq: 4n });

    // Of an earlier message, and back.
    const third = await again("c1", { messageId: idOf(first).asked });
    expect(third.started?.message?.content).toBe("u1");
    expect(await texts(ann, conversationId)).toBe("u1 c1");
    expect(given(agent.requests.at(-1) as never)).toEqual(["u1"]);
    await ann.messages.selectBranch({ conversationId, messageId: idOf(second).reply });
    expect(await texts(ann, conversationId)).toBe("u1 a1 u2 b2");
    const { turns } = await ann.turns.listTurns({ conversationId });
    expect(turns.map(({ messageId }) => messageId)).toEqual([
      idOf(first).asked,
      idOf(second).asked,
      idOf(second).asked,
      idOf(first).asked,
    ]);
  });

  test("takes a reply for the message that it replies to, on whichever branch it is", async () => {
    const { ann, conversationId, ask, again } = await scene();
    const first = await ask("u1", "a1");
    const other = await ask("v1", "w1", { parentId: conversationId });
    expect(await texts(ann, conversationId)).toBe("v1 w1");
    const again1 = await again("b1", { messageId: idOf(first).reply });
    expect(again1.started?.message?.content).toBe("u1");
    expect(await texts(ann, conversationId)).toBe("u1 b1");
    await again("x1", { messageId: idOf(other).reply.toUpperCase() });
    expect(await texts(ann, conversationId)).toBe("v1 x1");
    // What somebody else said in between is not what the turn replied to.
    await ann.messages.sendMessage({ conversationId, message: { content: "system", role: MessageRole.SYSTEM } });
    const { ended } = await ask("asked by a system", "y1", { role: MessageRole.SYSTEM });
    const last = await again("y2", { messageId: ended?.reply?.id });
    expect(last.started?.message?.content).toBe("asked by a system");
    expect(await texts(ann, conversationId)).toBe("v1 x1 system asked by a system y2");
  });

  test("replies to what was written without turns: the last message of a user before the entry", async () => {
    const { ann, conversationId, again } = await scene();
    const send = async (content: string, role: MessageRole) =>
      (await ann.messages.sendMessage({ conversationId, message: { content, role } })).message?.id ?? "";
    const greeting = await send("hello", MessageRole.ASSISTANT);
    expect(failureIn(await hear(ann.turns.regenerate({ conversationId })))).toMatchObject({
      code: "InvalidArgument",
      reason: "UNKNOWN_REFERENCE",
    });
    await send("u1", MessageRole.USER);
    const a1 = await send("a1", MessageRole.ASSISTANT);
    await send("a2", MessageRole.ASSISTANT);
    const heard = await again("b1", { messageId: a1 });
    expect(heard.started?.message?.content).toBe("u1");
    expect(await texts(ann, conversationId)).toBe("hello u1 b1");
    const { error } = await hear(ann.turns.regenerate({ conversationId, messageId: greeting }));
    expect(String(error)).toContain("message_id: must name a user's message, or what comes after one");
  });

  test("of a message without a reply moves nothing: the reply just comes", async () => {
    const { ann, conversationId, again } = await scene();
    agent.script.push(async function* () {
      yield text("half");
      throw new Error("broken");
    });
    const failed = await hear(ann.turns.chat({ conversationId, message: { content: "u1" } }));
    expect(failed.ended?.turn?.state).toBe(TurnState.FAILED);
    await again("a1");
    expect(await texts(ann, conversationId)).toBe("u1 a1");
    await ann.messages.sendMessage({ conversationId, message: { content: "u2" } });
    const before = (await ann.conversations.getConversation({ conversationId })).conversation?.lastSeq ?? 0n;
    const heard = await again("a2");
    expect(heard.ended?.reply?.seq).toBe(before + 1n);
    expect(await texts(ann, conversationId)).toBe("u1 a1 u2 a2");
    const { turn } = heard.ended ?? {};
    expect(Number(turn?.createTime?.seconds)).toBeGreaterThanOrEqual(
      Number(heard.started?.message?.createTime?.seconds ?? 0n),
    );
  });

  test("acts once with a request id, however often and with whatever wait it is repeated", async () => {
    const { ann, conversationId, ask, again } = await scene();
    await ask("u1", "a1");
    const first = await again("b1", { requestId: "r" });
    await ask("u2", "a2");
    const repeated = await hear(ann.turns.regenerate({ conversationId, requestId: "r" }));
    expect(repeated.ended?.turn?.id).toBe(first.ended?.turn?.id);
    expect([repeated.text, repeated.ended?.reply?.content]).toEqual(["b1", "b1"]);
    expect(await texts(ann, conversationId)).toBe("u1 b1 u2 a2");
    expect(
      failureIn(await hear(ann.turns.regenerate({ conversationId, requestId: "r", agent: "other" }))),
    ).toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
  });

  test("asks another agent where one is named", async () => {
    const { ann, conversationId, ask, again, other } = await scene();
    await ask("u1", "a1");
    for (const name of ["other", other]) {
      const heard = await again("b1", { agent: name });
      expect(heard.ended?.turn?.agentId).toBe(other);
      expect(heard.ended?.reply?.sender).toMatchObject(agentActor(other));
    }
    expect((await again("c1")).ended?.turn?.agentId).not.toBe(other);
    const { error } = await hear(ann.turns.regenerate({ conversationId, agent: "nobody" }));
    expect(String(error)).toContain("agent: names no registered agent");
  });

  test("streams entries, with tools that the caller brings, and makes a turn that waits go on", async () => {
    const { ann, conversationId, ask } = await scene();
    await ask("u1", "a1");
    agent.script.push(says(calls("c1", "find")), says(text("found")));
    const tools = [{ name: "find", runs: { case: "client", value: {} } }] as const;
    const waiting = await readTurn(ann.turns.regenerate({ conversationId, streamEntries: true, tools: [...tools] }));
    expect(waiting.turn?.state).toBe(TurnState.INPUT_REQUIRED);
    const results = [{ callId: "c1", output: { case: "text", value: "it" } as const }];
    await ann.turns.answerTurn({ turnId: waiting.turnId, results });
    const ended = await readTurn(ann.turns.resumeTurn({ turnId: waiting.turnId, streamEntries: true }));
    expect(ended.lines.at(-1)).toBe("2 ended at 7");
    expect(await texts(ann, conversationId)).toBe("u1 found");
    expect(given(agent.requests.at(-1) as never)).toEqual(["u1", "call c1 find {}", "result c1 it"]);
    // Of any entry of the turn.
    const { messages } = await ann.messages.listMessages({ conversationId, kinds: [3, 4] });
    for (const { id } of messages) {
      agent.script.push(says(text("more")));
      const heard = await hear(ann.turns.regenerate({ conversationId, messageId: id }));
      expect(heard.started?.message?.content).toBe("u1");
    }
    expect(await texts(ann, conversationId)).toBe("u1 more");
  });

  test("is refused, or ends the other, while a turn is open; and refused without harm for what is not there", async () => {
    const { ann, conversationId, ask, again } = await scene();
    const first = await ask("u1", "a1");
    agent.script.push(async function* (_, signal) {
      yield text("half ");
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return FinishReason.CANCELLED;
    });
    const running = hear(ann.turns.regenerate({ conversationId }));
    await expect.poll(async () => agent.requests.length).toBe(2);
    const messageId = idOf(first).asked;
    expect(failureIn(await hear(ann.turns.regenerate({ conversationId, messageId })))).toMatchObject({
      code: "Aborted",
      reason: "TURN_IN_PROGRESS",
    });
    for (const wrong of [newId(), conversationId]) {
      const refused = await hear(
        ann.turns.regenerate({ conversationId, messageId: wrong, ifRunning: TurnPolicy.INTERRUPT }),
      );
      expect(failureIn(refused)).toMatchObject({ code: "NotFound", reason: "NOT_FOUND" });
    }
    const parentId = newId();
    const lost = ann.turns.chat({
      conversationId,
      message: { content: "x", parentId },
      ifRunning: TurnPolicy.INTERRUPT,
    });
    expect(failureIn(await hear(lost)).reason).toBe("UNKNOWN_REFERENCE");
    expect((await ann.turns.listTurns({ conversationId })).turns[0]?.state).toBe(TurnState.RUNNING);
    const second = await again("c1", { ifRunning: TurnPolicy.INTERRUPT });
    expect(second.started?.message?.content).toBe("u1");
    expect((await running).ended?.turn?.state).toBe(TurnState.CANCELLED);
    expect(await texts(ann, conversationId)).toBe("u1 c1");
    const queued = ann.turns.regenerate({ conversationId, ifRunning: TurnPolicy.QUEUE });
    expect(failureIn(await hear(queued)).code).toBe("InvalidArgument");
  });

  test("is refused for a deleted message, in a closed conversation, and to who may not write", async () => {
    const { tenant, ann, conversationId, ask } = await scene();
    const first = await ask("u1", "a1");
    await ann.messages.deleteMessage({ messageId: idOf(first).asked });
    const refused = await hear(ann.turns.regenerate({ conversationId }));
    expect(String(refused.error)).toContain("message_id: must name a message that is not deleted, or a reply to one");
    await ann.messages.restoreMessage({ messageId: idOf(first).asked });
    await tenant.addMembers({ boss: { role: "admin" } });
    await ann.conversations.updateConversation({ conversationId, conversation: { status: 3 } });
    expect(failureIn(await hear(ann.turns.regenerate({ conversationId }))).reason).toBe("CONVERSATION_CLOSED");
    expect(failureIn(await hear(tenant.member("bob").turns.regenerate({ conversationId }))).reason).toBe("NOT_FOUND");
    expect(await texts(ann, conversationId)).toBe("u1 a1");
  });

  test("replies again to what a fork has inherited, as it was at the fork, and leaves the origin as it is", async () => {
    const { ann, conversationId, ask } = await scene();
    const first = await ask("u1", "a1");
    const fork = (await ann.conversations.forkConversation({ conversationId })).conversation?.id ?? "";
    await ann.messages.updateMessage({ messageId: idOf(first).asked, message: { content: "edited" } });
    agent.script.push(says(text("b1")));
    const heard = await hear(ann.turns.regenerate({ conversationId: fork }));
    expect(heard.error).toBeUndefined();
    expect(heard.started?.message).toMatchObject({ content: "u1", conversationId });
    expect(given(agent.requests.at(-1) as never)).toEqual(["u1"]);
    expect([await texts(ann, fork), await texts(ann, conversationId)]).toEqual(["u1 b1", "edited a1"]);
    agent.script.push(says(text("c1")));
    await hear(ann.turns.regenerate({ conversationId: fork, messageId: heard.ended?.reply?.id ?? "" }));
    expect(await texts(ann, fork)).toBe("u1 c1");
    await ann.messages.deleteMessage({ messageId: idOf(first).asked });
    const refused = await hear(ann.turns.regenerate({ conversationId: fork }));
    expect(failureIn(refused).reason).toBe("UNKNOWN_REFERENCE");
  });

  test("is told step by step by the client, as chat is; and what was said is edited and sent again in one call", async () => {
    const { ann, conversationId, ask } = await scene();
    const first = await ask("u1", "a1");
    await ask("u2", "a2");
    const follow = async (steps: AsyncIterable<ChatStep>) => {
      const told: string[] = [];
      for await (const step of steps) told.push(step.kind === "delta" ? `${step.kind} ${step.text}` : step.kind);
      return told.join(", ");
    };
    agent.script.push(says(text("b1")));
    const messageId = idOf(first).reply;
    expect(await follow(regenerate(ann.turns, { conversationId, messageId, agent: "other" }, RENEWS))).toBe(
      "started, delta b1, ended",
    );
    expect(await texts(ann, conversationId)).toBe("u1 b1");
    agent.script.push(says(text("c1")));
    expect(await follow(chat(ann.turns, { conversationId, content: "v1", parentId: conversationId }, RENEWS))).toBe(
      "started, delta c1, ended",
    );
    expect(await texts(ann, conversationId)).toBe("v1 c1");
    expect(given(agent.requests.at(-1) as never)).toEqual(["v1"]);
  });

  test("is carried by an export and its import", async () => {
    const { tenant, conversationId, ask, again } = await scene();
    await ask("u1", "a1");
    await ask("u2", "a2");
    await again("b2");
    await ask("u3", "a3");
    const lines = await exported(tenant.key(), conversationId);
    const other = await server.tenant("ann", "bob");
    await imported(other.key(), lines);
    expect(await texts(other.key(), conversationId)).toBe("u1 a1 u2 b2 u3 a3");
    expect((await other.key().messages.listBranches({ conversationId })).branches).toHaveLength(2);
  });
});
