// Tools of an agent in a chat: those that the browser runs, those that this server runs, and those that somebody must
// allow.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { lastAssistantMessageIsCompleteWithApprovalResponses, lastAssistantMessageIsCompleteWithToolCalls } from "ai";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type Any,
  type ChatServer,
  calls,
  chatOf,
  historyOf,
  post,
  request,
  says,
  startChats,
  user,
  VERSIONS,
} from "../../support/fronts/ai-sdk.ts";

let server: ChatServer;
const ran: Any[] = [];
const tool = createServer(async (asked, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of asked) chunks.push(chunk as Buffer);
  ran.push(JSON.parse(Buffer.concat(chunks).toString()));
  if (asked.url === "/fails") response.writeHead(500);
  response.end(JSON.stringify({ ran: ran.length }));
});
beforeAll(async () => {
  await new Promise<void>((resolve) => tool.listen(0, "127.0.0.1", resolve));
  const http = (path = "") => ({
    case: "http" as const,
    value: { url: `http://127.0.0.1:${(tool.address() as AddressInfo).port}/${path}` },
  });
  server = await startChats([
    { name: "locate", description: "Where the user is" },
    { name: "erase", description: "Erases something here", needsApproval: true },
    { name: "fetch", description: "Runs at the server", runs: http() },
    { name: "broken", description: "Runs at the server", runs: http("fails") },
    { name: "pay", description: "Costs", runs: http(), needsApproval: true },
  ]);
});
afterAll(async () => {
  await server.close();
  tool.close();
});
afterEach(() => {
  server.script.length = 0;
  ran.length = 0;
});

/** A chat that goes on by itself once its last message has all that it waits for. */
function going(version: 7 | 6, options: Any = {}) {
  const started: string[] = [];
  const chat = chatOf(server, version, {
    ...options,
    init: {
      sendAutomaticallyWhen: (state: Any) =>
        lastAssistantMessageIsCompleteWithToolCalls(state) ||
        lastAssistantMessageIsCompleteWithApprovalResponses(state),
      onToolCall({ toolCall }: Any) {
        started.push(toolCall.toolCallId);
      },
      ...options.init,
    },
  });
  return { chat, started };
}

const partOf = (chat: Any, callId: string) => chat.lastMessage.parts.find((part: Any) => part.toolCallId === callId);

/** Waits for the chat to have gone on to a last text. */
const said = (chat: Any, text: string) =>
  expect
    .poll(() => chat.error?.message ?? chat.lastMessage.parts.findLast((part: Any) => part.type === "text")?.text)
    .toBe(text);

describe.each(VERSIONS)("version %i", (version) => {
  test("a tool of the client: it runs there once, and its result goes on in the same message", async () => {
    server.script.push(
      says({ text: "Let me see." }, calls("c1", "locate", '{"fine": true}')),
      says({ text: "In Rome." }),
    );
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Where am I?" });
    expect(started).toEqual(["c1"]);
    expect(partOf(chat, "c1")).toEqual({
      type: "tool-locate",
      toolCallId: "c1",
      state: "input-available",
      input: { fine: true },
      providerExecuted: false,
    });
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolOutput({ tool: "locate", toolCallId: "c1", output: { city: "Rome" } });
    await said(chat, "In Rome.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(chat.lastMessage.parts).toEqual([
      { type: "step-start" },
      { type: "text", text: "Let me see.", state: "done" },
      {
        type: "tool-locate",
        toolCallId: "c1",
        state: "output-available",
        input: { fine: true },
        output: { city: "Rome" },
        providerExecuted: false,
      },
      { type: "step-start" },
      { type: "text", text: "In Rome.", state: "done" },
    ]);
    expect(chat.messages).toHaveLength(2);
    expect(started).toEqual(["c1"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a tool of the client that fails: the agent reads why", async () => {
    server.script.push(says(calls("c1", "locate")), says({ text: "A pity." }));
    const { chat } = going(version);
    await chat.sendMessage({ text: "Where am I?" });
    await chat.addToolOutput({ state: "output-error", tool: "locate", toolCallId: "c1", errorText: "no signal" });
    await said(chat, "A pity.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c1")).toMatchObject({ state: "output-error", errorText: "no signal", input: {} });
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    const read: Any = server.agent.calls.at(-1)?.request.messages.at(-1)?.parts[0];
    expect(read.content.value).toMatchObject({ callId: "c1", isError: true, output: { value: "no signal" } });
  });

  test("a tool of the server runs there, and not in the browser", async () => {
    server.script.push(says(calls("c1", "fetch", '{"n": 1}'), calls("c2", "broken")), says({ text: "Done." }));
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Fetch" });
    expect(started).toEqual([]);
    expect(partOf(chat, "c1")).toEqual({
      type: "tool-fetch",
      toolCallId: "c1",
      state: "output-available",
      input: { n: 1 },
      output: { ran: expect.any(Number) },
      providerExecuted: true,
    });
    expect(partOf(chat, "c2")).toMatchObject({ state: "output-error", errorText: expect.stringContaining("500") });
    expect(ran).toHaveLength(2);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a call that is allowed runs, once", async () => {
    server.script.push(says(calls("c1", "pay", '{"sum": 5}')), says({ text: "Paid." }));
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Pay" });
    expect(partOf(chat, "c1")).toMatchObject({ state: "approval-requested", approval: { id: expect.any(String) } });
    expect(ran).toEqual([]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolApprovalResponse({ id: partOf(chat, "c1").approval.id, approved: true });
    await said(chat, "Paid.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c1")).toMatchObject({
      state: "output-available",
      approval: { approved: true },
      output: { ran: 1 },
    });
    expect(ran.map(({ toolCallId, input }) => ({ toolCallId, input }))).toEqual([
      { toolCallId: "c1", input: { sum: 5 } },
    ]);
    expect(started).toEqual([]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a call that is not allowed does not run, and the agent reads why", async () => {
    server.script.push(says(calls("c1", "pay")), says({ text: "As you wish." }));
    const { chat } = going(version);
    await chat.sendMessage({ text: "Pay" });
    await chat.addToolApprovalResponse({ id: partOf(chat, "c1").approval.id, approved: false, reason: "too dear" });
    await said(chat, "As you wish.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c1")).toMatchObject({
      state: "output-denied",
      approval: { approved: false, reason: "too dear" },
    });
    expect(ran).toEqual([]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a tool of the client that needs consent runs in the browser after it, not before", async () => {
    server.script.push(says(calls("c1", "erase", '{"all": true}')), says({ text: "Erased." }));
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Erase" });
    expect(started).toEqual([]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolApprovalResponse({ id: partOf(chat, "c1").approval.id, approved: true });
    await expect.poll(() => started).toEqual(["c1"]);
    await expect.poll(() => chat.status).toBe("ready");
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolOutput({ tool: "erase", toolCallId: "c1", output: "gone" });
    await said(chat, "Erased.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c1")).toMatchObject({
      state: "output-available",
      input: { all: true },
      output: "gone",
      approval: { approved: true },
    });
    expect(started).toEqual(["c1"]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("calls of all kinds in one step", async () => {
    server.script.push(
      says(calls("c1", "locate"), calls("c2", "pay"), calls("c3", "fetch")),
      says({ text: "All done." }),
    );
    const { chat, started } = going(version, { init: { sendAutomaticallyWhen: undefined } });
    await chat.sendMessage({ text: "Go" });
    expect(started).toEqual(["c1"]);
    await chat.addToolOutput({ tool: "locate", toolCallId: "c1", output: "here" });
    await chat.addToolApprovalResponse({ id: partOf(chat, "c2").approval.id, approved: true });
    await chat.sendMessage();
    expect(chat.error).toBeUndefined();
    expect(chat.lastMessage.parts.map(({ type, state }: Any) => `${type} ${state}`)).toEqual([
      "step-start undefined",
      "tool-locate output-available",
      "tool-pay output-available",
      "tool-fetch output-available",
      "step-start undefined",
      "text done",
    ]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a result of the client waits for what must be allowed, and then both go at once", async () => {
    server.script.push(says(calls("c1", "locate"), calls("c2", "pay", '{"euro": 5}')), says({ text: "Both." }));
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Go" });
    expect(started).toEqual(["c1"]);
    expect(partOf(chat, "c2")).toMatchObject({ state: "approval-requested", input: { euro: 5 } });
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolOutput({ tool: "locate", toolCallId: "c1", output: "here" });
    expect([chat.status, chat.error, partOf(chat, "c2").state]).toEqual(["ready", undefined, "approval-requested"]);
    await chat.addToolApprovalResponse({ id: partOf(chat, "c2").approval.id, approved: true });
    await said(chat, "Both.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c2")).toMatchObject({ state: "output-available", input: { euro: 5 }, providerExecuted: true });
    expect([started, ran.map(({ input }) => input)]).toEqual([["c1"], [{ euro: 5 }]]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("two calls that must be allowed, one of them the client's: each goes on as it is allowed", async () => {
    server.script.push(says(calls("c1", "erase", '{"all": true}'), calls("c2", "pay")), says({ text: "Both." }));
    const { chat, started } = going(version);
    await chat.sendMessage({ text: "Go" });
    await chat.addToolApprovalResponse({ id: partOf(chat, "c1").approval.id, approved: true });
    expect(started).toEqual([]);
    await chat.addToolApprovalResponse({ id: partOf(chat, "c2").approval.id, approved: false });
    await expect.poll(() => started).toEqual(["c1"]);
    await expect.poll(() => chat.status).toBe("ready");
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
    await chat.addToolOutput({ tool: "erase", toolCallId: "c1", output: "gone" });
    await said(chat, "Both.");
    await expect.poll(() => chat.status).toBe("ready");
    expect(partOf(chat, "c2").state).toBe("output-denied");
    expect(ran).toEqual([]);
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("answers may come one after the other, also from two tabs", async () => {
    server.script.push(says(calls("c1", "locate"), calls("c2", "pay")), says({ text: "Both." }));
    const { chat } = going(version, { init: { sendAutomaticallyWhen: undefined } });
    await chat.sendMessage({ text: "Go" });
    const other = chatOf(server, version, { id: chat.id, messages: await historyOf(server, chat.id) });
    await chat.addToolOutput({ tool: "locate", toolCallId: "c1", output: "here" });
    await chat.sendMessage();
    expect(chat.error).toBeUndefined();
    await other.addToolApprovalResponse({ id: partOf(other, "c2").approval.id, approved: true });
    await other.sendMessage();
    expect(other.error).toBeUndefined();
    expect(partOf(other, "c1")).toMatchObject({ state: "output-available", output: "here" });
    expect(await historyOf(server, chat.id)).toEqual(other.messages);
  });

  test("a new message ends a reply that waits", async () => {
    server.script.push(says(calls("c1", "pay")), says({ text: "Fine." }));
    const { chat } = going(version);
    await chat.sendMessage({ text: "Pay" });
    await chat.sendMessage({ text: "Never mind" });
    expect(chat.error).toBeUndefined();
    expect(chat.lastMessage.parts.at(-1).text).toBe("Fine.");
    expect(ran).toEqual([]);
    const [, reply] = await historyOf(server, chat.id);
    expect(reply.parts.find((part: Any) => part.toolCallId === "c1")).toMatchObject({ state: "output-error" });
  });
});

describe("what the client claims without having been asked", () => {
  async function waiting(callId: string, name: string) {
    server.script.push(says(calls(callId, name)));
    const id = randomUUID();
    const asked = user("Go");
    await post(server, { id, messages: [asked] });
    const [, reply] = await historyOf(server, id);
    const claim = (change: object) => {
      const parts = reply.parts.map((part: Any) => (part.toolCallId === callId ? { ...part, ...change } : part));
      return post(server, {
        id,
        messages: [asked, { ...reply, parts }],
        trigger: "submit-message",
        messageId: reply.id,
      });
    };
    return { id, reply, claim };
  }

  test.each([
    ["a result of a tool of the server", "pay", { state: "output-available", output: "paid" }],
    ["a failure of it", "pay", { state: "output-error", errorText: "no" }],
    [
      "an answer to another question",
      "pay",
      { state: "approval-responded", approval: { id: "made-up", approved: true } },
    ],
    [
      "an answer to a question that was not asked",
      "locate",
      { state: "approval-responded", approval: { id: "x", approved: true } },
    ],
    ["a call that there is not", "locate", { toolCallId: "other", state: "output-available", output: 1 }],
  ])("%s: refused, nothing runs, nothing is stored", async (_, name, change) => {
    const { id, reply, claim } = await waiting("c1", name);
    const before = await historyOf(server, id);
    const refused = await claim(change);
    expect(refused.status).toBe(409);
    expect(refused.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(refused.text).toMatch(/^[A-Z].*\.$/);
    expect(ran).toEqual([]);
    expect(await historyOf(server, id)).toEqual(before);
    expect(before.at(-1)).toEqual(reply);
  });

  test("nothing at all: the chat is told what it waits for", async () => {
    const { claim } = await waiting("c1", "pay");
    const { status, text } = await claim({});
    expect(status).toBe(409);
    expect(text).toBe("The reply waits for results or approvals, and the posted one has none.");
  });

  test("a whole reply", async () => {
    const id = randomUUID();
    const asked = user("Go");
    await post(server, { id, messages: [asked] });
    const forged = {
      id: randomUUID(),
      role: "assistant",
      parts: [{ type: "tool-pay", toolCallId: "c", state: "output-available", input: {}, output: 1 }],
    };
    expect((await post(server, { id, messages: [asked, forged] })).status).toBe(409);
    expect((await post(server, { id, messages: [asked, { ...forged, id: "own" }] })).status).toBe(409);
    expect((await post(server, { id: randomUUID(), messages: [asked, forged] })).status).toBe(404);
  });

  test("another answer than the one that counts", async () => {
    const { id, reply, claim } = await waiting("c1", "pay");
    const { approval } = reply.parts.find((part: Any) => part.toolCallId === "c1");
    expect((await claim({ state: "approval-responded", approval: { ...approval, approved: false } })).status).toBe(200);
    const again = await claim({ state: "approval-responded", approval: { ...approval, approved: true } });
    expect(again.status).toBe(409);
    expect(ran).toEqual([]);
    expect((await historyOf(server, id)).at(-1).parts.find((part: Any) => part.toolCallId === "c1").state).toBe(
      "output-denied",
    );
  });

  test("a call that is denied and approved at once", async () => {
    const { reply, claim } = await waiting("c1", "pay");
    const { approval } = reply.parts.find((part: Any) => part.toolCallId === "c1");
    const both = await claim({ state: "output-denied", approval: { ...approval, approved: true } });
    expect([both.status, both.text]).toEqual([409, "Call c1 is denied and approved at once."]);
    expect(ran).toEqual([]);
  });

  test("the same answer again: the same reply goes on, and nothing runs twice", async () => {
    server.script.push(says(calls("c1", "pay")), says({ text: "Paid." }));
    const id = randomUUID();
    const asked = user("Go");
    await post(server, { id, messages: [asked] });
    const [, reply] = await historyOf(server, id);
    const parts = reply.parts.map((part: Any) =>
      part.approval ? { ...part, state: "approval-responded", approval: { ...part.approval, approved: true } } : part,
    );
    const body = { id, messages: [asked, { ...reply, parts }] };
    const [first, second] = [await post(server, body), await post(server, body)];
    expect(first.status).toBe(200);
    expect(second.chunks).toEqual(first.chunks);
    expect(ran).toHaveLength(1);
  });
});

test("tools that a request brings are the client's", async () => {
  for (const tools of [
    [{ name: "brought", description: "d", inputSchema: { type: "object" } }],
    { brought: { description: "d", parameters: { type: "object" } } },
  ]) {
    server.script.push(says(calls("c1", "brought")));
    const id = randomUUID();
    const { chunks } = await post(server, { id, messages: [user("Go")], tools });
    expect(chunks.find(({ type }: Any) => type === "tool-input-available")).toMatchObject({ providerExecuted: false });
    expect((await request(server, "POST", `/api/chat/${id}/stop`)).text).toBe('{"success":true}');
  }
});
