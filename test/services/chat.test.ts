// Turns over a real socket and a real database: what is stored, what is streamed, and what is left when something
// breaks.
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { AgentSchema } from "../../gen/colloquy/v1/agent_pb.ts";
import { ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { type Message, MessageRole, MessageState } from "../../gen/colloquy/v1/message_pb.ts";
import { TurnPolicy, TurnState } from "../../gen/colloquy/v1/turn_pb.ts";
import { DomainError, ErrorReason } from "../../src/domain/errors.ts";
import { TURN_TIMES } from "../../src/domain/turns/turn.ts";
import { followTurn, insertTurn, startTurn } from "../../src/store/turns/statements.ts";
import { agent, member } from "../support/actors.ts";
import { failureOf } from "../support/failure.ts";
import { failureIn, hear } from "../support/fronts/chat.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";
import { type FakeOpenAi, startFakeOpenAi } from "../support/services/agents.ts";

let server: StoreServer;
let openai: FakeOpenAi;
beforeAll(async () => {
  [server, openai] = await Promise.all([startStoreServer(), startFakeOpenAi()]);
});
afterAll(() => Promise.all([server.close(), openai.close()]));

interface Scene {
  readonly tenant: TestTenant;
  readonly alice: Clients;
  readonly conversationId: string;
  readonly agentId: string;
}

async function scene(
  connector: "echo" | "openai",
  agent: object = {},
  conversation: object = {},
  on: StoreServer = server,
): Promise<Scene> {
  const tenant = await on.tenant("alice", "bob");
  const settings: MessageInitShape<typeof AgentSchema>["connector"] =
    connector === "echo" ? { case: "echo", value: {} } : { case: "openai", value: { baseUrl: openai.url, model: "m" } };
  const made = await tenant.key().agents.createAgent({ agent: { name: "helper", connector: settings, ...agent } });
  const alice = tenant.member("alice");
  const { conversation: own } = await alice.conversations.createConversation({
    conversation: { agent: "helper", ...conversation },
  });
  return { tenant, alice, conversationId: own?.id ?? "", agentId: made.agent?.id ?? "" };
}

const say = (content: string) => ({ message: { content } });

describe("a turn", () => {
  test("stores the message, streams the reply with offsets, and keeps it as one message of the log", async () => {
    const { alice, conversationId, agentId } = await scene("echo");
    const heard = await hear(alice.turns.chat({ conversationId, ...say("¿Qué tal, 👩‍🚀 amigo?") }));
    expect(heard.error).toBeUndefined();
    expect(heard.text).toBe("¿Qué tal, 👩‍🚀 amigo?");
    expect(heard.offset).toBe(BigInt([..."¿Qué tal, 👩‍🚀 amigo?"].length));
    expect(heard.started).toMatchObject({
      turn: { state: TurnState.RUNNING, agentId, messageId: heard.started?.message?.id },
      message: { content: "¿Qué tal, 👩‍🚀 amigo?", role: MessageRole.USER, sender: member("alice"), seq: 2n },
    });
    expect(heard.ended).toMatchObject({
      turn: { id: heard.started?.turn?.id, state: TurnState.COMPLETE, failure: "", replyId: heard.ended?.reply?.id },
      reply: { content: heard.text, role: MessageRole.ASSISTANT, sender: agent(agentId), seq: 3n },
    });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map((m) => [m.seq, m.state, m.content])).toEqual([
      [2n, MessageState.COMPLETE, heard.text],
      [3n, MessageState.COMPLETE, heard.text],
    ]);
    const { conversation } = await alice.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ lastSeq: 3n, messageCount: 2n });
  });

  test("gives the agent the latest messages, as many as the conversation says, the caller's last", async () => {
    const { alice, conversationId } = await scene("openai", {}, { maxContextLength: 3 });
    for (const content of ["one", "two", "three"])
      await alice.messages.sendMessage({ conversationId, ...say(content) });
    openai.answer = (call) => call.finish();
    await hear(alice.turns.chat({ conversationId, ...say("four") }));
    expect(openai.calls.at(-1)?.body.messages).toEqual([{ role: "user", content: "two\n\nthree\n\nfour" }]);
  });

  test("without a word leaves no message", async () => {
    const { alice, conversationId } = await scene("openai");
    openai.answer = (call) => call.finish();
    const heard = await hear(alice.turns.chat({ conversationId, ...say("hi") }));
    expect(heard.ended).toMatchObject({ turn: { state: TurnState.COMPLETE, replyId: "" } });
    expect(heard.ended?.reply).toBeUndefined();
    const { conversation } = await alice.conversations.getConversation({ conversationId });
    expect(conversation).toMatchObject({ lastSeq: 2n, messageCount: 1n });
  });

  test("is refused where no registered agent is named, where it is disabled, and where the caller may not write", async () => {
    const { tenant, alice, conversationId, agentId } = await scene("echo");
    const { conversation } = await alice.conversations.createConversation({ conversation: { agent: "nobody" } });
    const chat = (clients: Clients, id: string) => hear(clients.turns.chat({ conversationId: id, ...say("x") }));
    expect(failureIn(await chat(alice, conversation?.id ?? ""))).toMatchObject({ reason: "UNKNOWN_REFERENCE" });
    expect(failureIn(await chat(tenant.member("bob"), conversationId))).toMatchObject({ reason: "NOT_FOUND" });
    await tenant.key().agents.updateAgent({ agentId, agent: { disabled: true } });
    expect(failureIn(await chat(alice, conversationId))).toMatchObject({ reason: "UNKNOWN_REFERENCE" });
    await alice.conversations.updateConversation({
      conversationId,
      conversation: { status: ConversationStatus.CLOSED },
    });
    expect(failureIn(await chat(alice, conversationId))).toMatchObject({ reason: "CONVERSATION_CLOSED" });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages).toEqual([]);
  });
});

describe("while a turn runs", () => {
  /** A turn that has said "one" and waits to be let on. */
  async function running() {
    const own = await scene("openai");
    const release = Promise.withResolvers<void>();
    const speaking = Promise.withResolvers<void>();
    openai.answer = async (call, index) => {
      call.say(index === openai.calls.length - 1 && !first.said ? "one" : "next");
      if (first.said) return call.finish();
      first.said = true;
      speaking.resolve();
      await release.promise;
      call.say(" two");
      call.finish();
    };
    const first = { said: false };
    const controller = new AbortController();
    const { alice, conversationId } = own;
    const requestId = randomUUID();
    const stream = alice.turns.chat({ conversationId, ...say("hi"), requestId }, { signal: controller.signal });
    const heard = hear(stream, undefined, ({ text }) => text !== "one" || !leave.now);
    const leave = { now: false };
    await speaking.promise;
    const turnId = async () => (await openTurn(own.tenant.id)) ?? "";
    return { ...own, heard, release, controller, requestId, leave, turnId };
  }

  async function openTurn(tenantId: string): Promise<string | undefined> {
    const text = "select id from turn where tenant_id = $1 and state in (1, 2) order by id";
    const [row] = await server.database.query<{ id: string }>({ name: "test_open_turn", text }, [tenantId]);
    return row?.id;
  }

  test("another is refused with the id of the first, and stores nothing", async () => {
    const { alice, conversationId, heard, release, turnId } = await running();
    const second = await hear(alice.turns.chat({ conversationId, ...say("again") }));
    expect(failureIn(second)).toMatchObject({
      code: "Aborted",
      reason: "TURN_IN_PROGRESS",
      metadata: { turn_id: await turnId() },
    });
    release.resolve();
    expect((await heard).text).toBe("one two");
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["hi", "one two"]);
  });

  test("another may wait for it, its message stored at once", async () => {
    const { alice, conversationId, heard, release } = await running();
    const waiting = hear(alice.turns.chat({ conversationId, ...say("then this"), ifRunning: TurnPolicy.QUEUE }));
    await expect
      .poll(async () => (await alice.messages.listMessages({ conversationId })).messages.map((m) => m.content))
      .toEqual(["hi", "then this"]);
    release.resolve();
    expect((await heard).text).toBe("one two");
    const second = await waiting;
    expect(second.started?.turn?.state).toBe(TurnState.QUEUED);
    expect(second).toMatchObject({ text: "next", ended: { turn: { state: TurnState.COMPLETE } } });
    expect(openai.calls.at(-1)?.body.messages.map(({ content }) => content)).toEqual(["hi", "one two", "then this"]);
  });

  test("of several that wait, each is asked without the messages of those after it", async () => {
    const { alice, conversationId, heard, release } = await running();
    const ask = (content: string) =>
      hear(alice.turns.chat({ conversationId, ...say(content), ifRunning: TurnPolicy.QUEUE }));
    const stored = async () =>
      (await alice.messages.listMessages({ conversationId })).messages.map(({ content }) => content);
    const second = ask("second");
    await expect.poll(stored).toEqual(["hi", "second"]);
    const third = ask("third");
    await expect.poll(stored).toEqual(["hi", "second", "third"]);
    const before = openai.calls.length;
    release.resolve();
    await Promise.all([heard, second, third]);
    expect(openai.calls.slice(before).map(({ body }) => body.messages.map(({ content }) => content))).toEqual([
      ["hi", "one two", "second"],
      ["hi\n\nsecond", "one two\n\nnext", "third"],
    ]);
  });

  test("another may interrupt it, and the partial reply stays", async () => {
    const { alice, conversationId, heard } = await running();
    const second = await hear(
      alice.turns.chat({ conversationId, ...say("no, this"), ifRunning: TurnPolicy.INTERRUPT }),
    );
    expect(second).toMatchObject({ text: "next", ended: { turn: { state: TurnState.COMPLETE } } });
    expect(await heard).toMatchObject({ text: "one", ended: { turn: { state: TurnState.CANCELLED } } });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map((m) => [m.content, m.state])).toEqual([
      ["hi", MessageState.COMPLETE],
      ["one", MessageState.FAILED],
      ["no, this", MessageState.COMPLETE],
      ["next", MessageState.COMPLETE],
    ]);
  });

  test("it can be cancelled: the agent is told, the partial reply stays, and doing it again changes nothing", async () => {
    const { alice, tenant, heard, turnId } = await running();
    const id = await turnId();
    expect(await failureOf(tenant.member("bob").turns.cancelTurn({ turnId: id }))).toMatchObject({
      reason: "NOT_FOUND",
    });
    const { turn } = await alice.turns.cancelTurn({ turnId: id });
    expect(turn).toMatchObject({ id, state: TurnState.CANCELLED });
    await openai.calls.at(-1)?.gone;
    expect(await heard).toMatchObject({
      text: "one",
      ended: { reply: { content: "one", state: MessageState.FAILED } },
    });
    expect((await heard).error).toBeUndefined();
    expect((await alice.turns.cancelTurn({ turnId: id })).turn).toEqual(turn);
  });

  test("a request id cancels that one turn, however often it comes, and no other", async () => {
    const { alice, heard, turnId, conversationId } = await running();
    const cancel = { turnId: await turnId(), requestId: randomUUID() };
    const { turn } = await alice.turns.cancelTurn(cancel);
    await heard;
    expect((await alice.turns.cancelTurn(cancel)).turn).toEqual(turn);
    const next = await hear(alice.turns.chat({ conversationId, ...say("again") }));
    const other = alice.turns.cancelTurn({ ...cancel, turnId: next.ended?.turn?.id ?? "" });
    expect(await failureOf(other)).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_ID_REUSED" });
  });

  test("its caller may go away, and pick it up again from where it was", async () => {
    const { alice, heard, release, controller, turnId, conversationId } = await running();
    const id = await turnId();
    controller.abort();
    const before = await heard;
    expect(before.ended).toBeUndefined();
    const resumed = hear(alice.turns.resumeTurn({ turnId: id, offset: before.offset }), {
      ...before,
      error: undefined,
    });
    release.resolve();
    expect(await resumed).toMatchObject({ text: "one two", ended: { turn: { state: TurnState.COMPLETE } } });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["hi", "one two"]);
    // And once more when it has long ended, from any place.
    for (const offset of [0n, 3n, 7n, 1_000_000n]) {
      const again = await hear(alice.turns.resumeTurn({ turnId: id, offset }), { text: "", offset });
      expect(again).toMatchObject({ text: "one two".slice(Number(offset)), ended: { reply: { content: "one two" } } });
    }
  });

  test("a repeat with the same request id attaches to it, and replays it when it has ended", async () => {
    const { alice, conversationId, heard, release, requestId } = await running();
    const repeat = hear(alice.turns.chat({ conversationId, ...say("hi"), requestId }));
    release.resolve();
    const [first, second] = await Promise.all([heard, repeat]);
    expect(second).toEqual(first);
    expect(await hear(alice.turns.chat({ conversationId, ...say("hi"), requestId }))).toEqual(first);
    const other = await hear(alice.turns.chat({ conversationId, ...say("ho"), requestId }));
    expect(failureIn(other)).toMatchObject({ reason: "REQUEST_ID_REUSED" });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["hi", "one two"]);
  });
});

describe("an agent that", () => {
  async function ask(agent: object, answer: FakeOpenAi["answer"]) {
    const own = await scene("openai", agent);
    const calls = openai.calls.length;
    openai.answer = (call, index) => answer(call, index - calls);
    const heard = await hear(own.alice.turns.chat({ conversationId: own.conversationId, ...say("hi") }));
    return { ...own, heard, asked: openai.calls.length - calls };
  }

  test("fails twice before the first word fails the turn; the message stays and the turn says why", async () => {
    const { alice, conversationId, heard, asked } = await ask({}, ({ response }) => response.writeHead(500).end());
    expect(failureIn(heard)).toMatchObject({
      code: "Unavailable",
      reason: "AGENT_FAILED",
      metadata: { turn_id: heard.started?.turn?.id },
    });
    expect(heard.ended?.turn).toMatchObject({ state: TurnState.FAILED, failure: "the agent returned status 500" });
    expect(asked).toBe(2);
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map(({ content }) => content)).toEqual(["hi"]);
  });

  test("fails once before the first word is asked again", async () => {
    const { heard, asked } = await ask({}, (call, index) => {
      if (index === 0) return call.response.destroy();
      call.say("fine");
      call.finish();
    });
    expect(heard).toMatchObject({ text: "fine", ended: { turn: { state: TurnState.COMPLETE } } });
    expect(asked).toBe(2);
  });

  test("breaks off after the first word is not asked again, and what it said stays", async () => {
    const { alice, conversationId, heard, asked } = await ask({}, (call) => {
      call.say("half a ");
      // The end of the body, but not of the reply.
      call.response.end();
    });
    expect(asked).toBe(1);
    expect(failureIn(heard)).toMatchObject({ reason: "AGENT_FAILED" });
    expect(heard).toMatchObject({ text: "half a ", ended: { turn: { failure: "the agent broke off" } } });
    const { messages } = await alice.messages.listMessages({ conversationId });
    expect(messages.map((m) => [m.content, m.state])).toEqual([
      ["hi", MessageState.COMPLETE],
      ["half a ", MessageState.FAILED],
    ]);
  });

  test("says that it will send more than it does has broken off", async () => {
    const { heard } = await ask({}, ({ response }) => {
      const body = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: "short" }, finish_reason: null }] })}\n\n`;
      response.writeHead(200, { "content-type": "text/event-stream", "content-length": body.length + 1000 });
      response.write(body, () => response.destroy());
    });
    expect(heard).toMatchObject({ text: "short", ended: { turn: { state: TurnState.FAILED } } });
  });

  test("answers with what is no reply fails the turn", async () => {
    const { heard, asked } = await ask({}, ({ response }) => response.end("<html>"));
    expect(heard).toMatchObject({ text: "", ended: { turn: { state: TurnState.FAILED } } });
    expect(asked).toBe(2);
  });

  test("falls silent fails the turn, and is told", async () => {
    let gone: Promise<void> | undefined;
    const { heard } = await ask({ idleTimeout: { nanos: 100_000_000 } }, (call) => {
      gone = call.gone;
      call.say("well");
    });
    expect(heard).toMatchObject({ text: "well", ended: { turn: { failure: "the agent was silent for too long" } } });
    await gone;
  });

  test("never ends is ended when its time is over", async () => {
    const { heard } = await ask({ timeout: { seconds: 2n } }, (call) => {
      const talking = setInterval(() => call.say("bla "), 10);
      return call.gone.then(() => clearInterval(talking));
    });
    expect(heard.ended).toMatchObject({ turn: { state: TurnState.FAILED, failure: "the agent took too long" } });
    expect(heard.text).toMatch(/^(bla )+$/);
    expect(heard.ended?.reply?.content).toBe(heard.text);
  });

  test("says more than a message holds is cut off at its limit", async () => {
    const { heard } = await ask({}, (call) => {
      const talking = setInterval(() => call.say("ä".repeat(40_000)), 1);
      return call.gone.then(() => clearInterval(talking));
    });
    expect(heard.ended?.turn).toMatchObject({ failure: "the reply is longer than a message may be" });
    expect(heard.text).toBe("ä".repeat(131_072));
    expect(heard.ended?.reply?.content).toBe(heard.text);
  });

  test("keeps failing is not called until a while has passed", async () => {
    const own = await scene("openai");
    openai.answer = ({ response }) => response.writeHead(503).end();
    const chat = () => hear(own.alice.turns.chat({ conversationId: own.conversationId, ...say("hi") }));
    for (let times = 0; times < 5; times++) await chat();
    const calls = openai.calls.length;
    expect((await chat()).ended?.turn?.failure).toMatch(/several times in a row/);
    expect(openai.calls.length).toBe(calls);
    // What an administrator changes is tried afresh.
    await own.tenant.key().agents.updateAgent({ agentId: own.agentId, agent: { description: "mended" } });
    openai.answer = (call) => call.finish();
    expect((await chat()).ended?.turn?.state).toBe(TurnState.COMPLETE);
  });

  test("says NUL and lone surrogates is written down with replacement characters", async () => {
    const { heard } = await ask({}, (call) => {
      for (const piece of ["a\0", "\ud83d", "\ude00", "\udc00!"]) call.say(piece);
      call.finish();
    });
    expect(heard.text).toBe("a\ufffd😀\ufffd!");
    expect(heard.ended?.reply?.content).toBe(heard.text);
  });
});

describe("the database", () => {
  test("is asked for few writes by a turn of 2,000 deltas: one each quarter of a second", async () => {
    const writes: string[] = [];
    const onStatement = (text: string) => {
      if (/\b(insert into|update|delete from)\b/.test(text)) writes.push(text);
    };
    const own = await startStoreServer({ database: { observer: { onStatement } } });
    try {
      const { alice, conversationId } = await scene("openai", {}, {}, own);
      openai.answer = async (call) => {
        for (let index = 0; index < 2_000; index++) {
          call.say("word ");
          if (index % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        }
        call.finish();
      };
      writes.length = 0;
      // Of the same loop as the server's timers, and as late as they are.
      let quarters = 0;
      const counting = setInterval(() => quarters++, TURN_TIMES.saveEveryMs);
      const heard = await hear(alice.turns.chat({ conversationId, ...say("go") }));
      clearInterval(counting);
      expect(heard.ended?.reply?.content).toBe("word ".repeat(2_000));
      const saves = writes.filter((text) => text.includes("set text = left("));
      expect(saves.length).toBeGreaterThan(0);
      expect(saves.length).toBeLessThanOrEqual(quarters + 1);
      // A place in the log and the message, the turn, and its end.
      expect(writes.length - saves.length).toBe(4);
    } finally {
      await own.close();
    }
  });

  test("may be busy as a repeat begins to follow a turn that has ended: it waits", async () => {
    const own = await startStoreServer();
    try {
      const { alice, conversationId } = await scene("echo", {}, {}, own);
      const requestId = randomUUID();
      const chat = () => hear(alice.turns.chat({ conversationId, ...say("one"), requestId }));
      const first = await chat();
      const query = own.database.query.bind(own.database);
      let looks = 0;
      vi.spyOn(own.database, "query").mockImplementation((statement, values, signal) => {
        const isLook = Object.values<unknown>(followTurn).includes(statement);
        if (isLook && looks++ === 0) throw new DomainError(ErrorReason.OVERLOADED, "every connection is busy");
        return query(statement, values, signal);
      });
      const again = await chat();
      expect(looks).toBe(2);
      expect(again.error).toBeUndefined();
      expect(again).toEqual(first);
    } finally {
      await own.close();
    }
  });

  test("may be busy: a turn that has begun waits for it, and does not fail", async () => {
    const own = await startStoreServer({ database: { poolSize: 1, maxWaiting: 1 } });
    let done = false;
    try {
      const { alice, conversationId } = await scene("echo", {}, {}, own);
      const ping = () => own.database.ping();
      const crowd = (async () => {
        while (!done) await Promise.allSettled([ping(), ping(), ping()]);
      })();
      for (const content of ["one", "two", "three", "four", "five"]) {
        const requestId = randomUUID();
        const chat = () => hear(alice.turns.chat({ conversationId, ...say(content), requestId }));
        let heard = await chat();
        while (heard.started === undefined && failureIn(heard).reason === "OVERLOADED") heard = await chat();
        expect(heard.error).toBeUndefined();
        expect(heard).toMatchObject({ text: content, ended: { turn: { state: TurnState.COMPLETE } } });
      }
      done = true;
      await crowd;
    } finally {
      done = true;
      await own.close();
    }
  });
});

test("queued turns run in the order of their messages, whatever the clocks of their servers say", async () => {
  const { tenant, alice, conversationId, agentId } = await scene("openai");
  await alice.messages.batchSendMessages({ conversationId, messages: [{ content: "first" }, { content: "second" }] });
  const { messages } = await alice.messages.listMessages({ conversationId });
  const [first, second] = messages;
  // The clock of the server that took the second is behind.
  const queue = async (message: Message | undefined, id: string) => {
    const [seq, messageId] = [message?.seq, message?.id];
    const owner = randomUUID();
    const values = [tenant.id, id, conversationId, agentId, "alice", seq, randomUUID(), TurnState.QUEUED, owner];
    const none = [null, null, null, null, false, false, false, false];
    await server.database.query(insertTurn, [...values, 60_000, null, null, messageId, null, ...none]);
    return async () => (await server.database.query(startTurn, [tenant.id, conversationId, id, owner])).length > 0;
  };
  const startFirst = await queue(first, "01900000-0000-7000-8000-000000000002");
  const startSecond = await queue(second, "01900000-0000-7000-8000-000000000001");
  expect([await startSecond(), await startFirst()]).toEqual([false, true]);
});
