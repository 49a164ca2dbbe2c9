// Streams that are cut, resumed, followed and stopped: on any server, from any tab, without a character twice.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import {
  type Any,
  type ChatServer,
  calls,
  chatOf,
  chunksOf,
  historyOf,
  pauses,
  post,
  request,
  says,
  startChats,
  thought,
  user,
  VERSIONS,
} from "../../support/fronts/ai-sdk.ts";
import { startCuttingProxy } from "../../support/services/cutting-proxy.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats([{ name: "locate" }]);
});
afterAll(() => server.close());
afterEach(() => {
  server.script.length = 0;
});

const textOf = (message: Any) =>
  message?.parts
    .filter(({ type }: Any) => type === "text")
    .map(({ text }: Any) => text)
    .join("|");

describe.each(VERSIONS)("version %i", (version) => {
  test("a stream that is cut is resumed in the same tab: no text twice, none lost", async () => {
    await using stack = new AsyncDisposableStack();
    const proxy = stack.adopt(await startCuttingProxy(() => server.server.url), (one) => one.close());
    const { call, asked, goOn } = pauses([thought("hm"), { text: "Good " }], [{ text: "day" }]);
    server.script.push(call);
    const chat = chatOf(server, version, { url: proxy.url });
    const sending = chat.sendMessage({ text: "Hi" });
    await asked;
    await expect.poll(() => textOf(chat.lastMessage)).toBe("Good ");
    proxy.cut();
    await sending;
    expect(chat.status).toBe("error");
    const again = chat.resumeStream();
    await expect.poll(() => chat.status).toBe("streaming");
    goOn();
    await again;
    expect(chat.status).toBe("ready");
    expect(textOf(chat.lastMessage)).toBe("Good day");
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });

  test("a page that is loaded in the middle of a reply reads the messages and follows the rest", async () => {
    const { call, asked, goOn } = pauses([{ text: "Good " }], [{ text: "day" }]);
    server.script.push(call);
    const first = chatOf(server, version);
    const sending = first.sendMessage({ text: "Hi" });
    await asked;
    await expect.poll(() => textOf(first.lastMessage)).toBe("Good ");
    const history = await historyOf(server, first.id);
    expect(history.map(({ role }: Any) => role)).toEqual(["user"]);
    const second = chatOf(server, version, { id: first.id, messages: history });
    const resuming = second.resumeStream();
    await expect.poll(() => textOf(second.lastMessage)).toBe("Good ");
    goOn();
    await Promise.all([sending, resuming]);
    expect(second.messages).toEqual(first.messages);
    expect(await historyOf(server, first.id)).toEqual(second.messages);
  });

  test("a replay runs no tool of the client again, and comes out equal", async () => {
    const { call, asked, goOn } = pauses([{ text: "Now " }], [{ text: "what?" }]);
    server.script.push(says({ text: "First." }, calls("c1", "locate", '{"a":1}'), calls("c2", "locate")), call);
    const first = chatOf(server, version);
    await first.sendMessage({ text: "Hi" });
    await first.addToolOutput({ tool: "locate", toolCallId: "c1", output: { x: 1 } });
    await first.addToolOutput({ state: "output-error", tool: "locate", toolCallId: "c2", errorText: "no" });
    const sending = first.sendMessage();
    await asked;
    await expect.poll(() => textOf(first.lastMessage)).toBe("First.|Now ");
    const ran: string[] = [];
    const onToolCall = ({ toolCall }: Any) => void ran.push(toolCall.toolCallId);
    const second = chatOf(server, version, {
      id: first.id,
      messages: await historyOf(server, first.id),
      init: { onToolCall },
    });
    const resuming = second.resumeStream();
    await expect.poll(() => textOf(second.lastMessage)).toBe("First.|Now ");
    goOn();
    await Promise.all([sending, resuming]);
    expect(ran).toEqual([]);
    expect(second.messages).toEqual(first.messages);
    expect(await historyOf(server, first.id)).toEqual(second.messages);
  });

  test("stopped from another tab: the model is told, every tab ends, the words so far stay", async () => {
    const { call, asked } = pauses([{ text: "On and on" }]);
    server.script.push(call);
    const chat = chatOf(server, version);
    const sending = chat.sendMessage({ text: "Hi" });
    const signal = await asked;
    await expect.poll(() => textOf(chat.lastMessage)).toBe("On and on");
    const stopped = await request(server, "POST", `/api/chat/${chat.id}/stop`);
    expect(stopped.text).toBe('{"success":true}');
    await sending;
    expect(signal.aborted).toBe(true);
    expect(chat.status).toBe("ready");
    expect(chat.lastMessage.parts.at(-1)).toEqual({ type: "text", text: "On and on", state: "done" });
    expect(await historyOf(server, chat.id)).toEqual(chat.messages);
  });
});

/** Places in a stream of bytes where it may break off, by what stands there. */
function placesIn(stream: Buffer): Map<string, number> {
  const at = (text: string, more = 0) => stream.indexOf(text) + more;
  return new Map([
    ["before the first byte", 0],
    ["within the first comment", 1],
    ["within the word data", at("data:", 2)],
    ["before the first chunk", at('{"type":"start"')],
    ["within the first chunk", at('{"type":"start"', 5)],
    ["between the two ends of a line", at("}\n\n", 2)],
    ["after the first chunk", at("}\n\n", 3)],
    ["within a name", at('"reasoning-delta"', 4)],
    ["within a character", at("ü", 1)],
    ["within an escape", at("\\n", 1)],
    ["within the input of a call", at('"inputTextDelta"', 20)],
    ["after the input of a call", at('"tool-input-available"')],
    ["after all that was said", stream.length],
  ]);
}

describe.each(VERSIONS)("version %i", (version) => {
  test("a stream that breaks off at any byte is resumed to the same message", async () => {
    const result = { callId: "c1", output: { case: "text", value: "found" } } as const;
    const found: Any = { piece: { case: "part", value: { content: { case: "toolResult", value: result } } } };
    const said = [
      thought("hm, ü"),
      { text: "Grün\nund " },
      ...calls("c1", "search", '{"q":"grün"}'),
      found,
      { text: "rot, " },
    ];
    const whole = pauses(said);
    server.script.push(whole.call);
    const response = await open(randomUUID(), "", new AbortController().signal);
    await whole.asked;
    const bytes: Buffer[] = [];
    for await (const chunk of response.body ?? []) {
      bytes.push(Buffer.from(chunk));
      if (Buffer.concat(bytes).includes("rot, ")) break;
    }
    whole.goOn();
    for (const [place, end] of placesIn(Buffer.concat(bytes))) {
      const { call, asked, goOn } = pauses(said, [{ text: "blau" }]);
      server.script.push(call);
      const cuts: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init);
        return init?.method === "POST" ? new Response(cutAfter(answer, end), answer) : answer;
      };
      const chat = chatOf(server, version, { fetch: cuts });
      const sending = chat.sendMessage({ text: "Hi" });
      await asked;
      await sending;
      expect(chat.status, place).toBe("error");
      const resuming = chat.resumeStream();
      await expect.poll(() => chat.status).toBe("streaming");
      goOn();
      await resuming;
      expect(chat.error, place).toBeUndefined();
      expect(textOf(chat.lastMessage), place).toBe("Grün\nund |rot, blau");
      expect(await historyOf(server, chat.id), place).toEqual(chat.messages);
    }
  }, 120_000);
});

/** The body up to a byte, and then what a browser gives for a broken line. */
function cutAfter(response: Response, end: number): ReadableStream<Uint8Array> {
  let left = end;
  const reader = response.body?.getReader();
  return new ReadableStream({
    async pull(controller) {
      const next = left > 0 ? await reader?.read() : undefined;
      if (next?.value !== undefined) {
        controller.enqueue(next.value.subarray(0, left));
        left -= next.value.length;
      }
      if (left > 0 && next?.done === false) return;
      await reader?.cancel();
      controller.error(new TypeError("network error"));
    },
  });
}

test("nothing runs: 204 without a body, also for a chat that does not exist, and that waits", async () => {
  const id = randomUUID();
  const none = await request(server, "GET", `/api/chat/${id}/stream`);
  expect([none.status, none.text, none.headers.get("content-type")]).toEqual([204, "", null]);
  server.script.push(says(calls("c1", "locate")));
  await post(server, { id, messages: [user("Hi")] });
  expect((await request(server, "GET", `/api/chat/${id}/stream`)).status).toBe(204);
  expect((await request(server, "POST", `/api/chat/${id}/stop`)).text).toBe('{"success":true}');
  expect((await request(server, "POST", `/api/chat/${id}/stop`)).text).toBe('{"success":true}');
  expect((await request(server, "POST", `/api/chat/${randomUUID()}/stop`)).text).toBe('{"success":true}');
});

test("a client that disconnects does not stop the reply", async () => {
  const { call, asked, goOn } = pauses([{ text: "Good " }], [{ text: "day" }]);
  server.script.push(call);
  const id = randomUUID();
  const leaving = new AbortController();
  const response = await open(id, "", leaving.signal);
  const signal = await asked;
  leaving.abort();
  await response.text().catch(() => {});
  expect(signal.aborted).toBe(false);
  goOn();
  await expect.poll(async () => textOf((await historyOf(server, id)).at(-1))).toBe("Good day");
});

test("with abort=cancel it does", async () => {
  const { call, asked } = pauses([{ text: "Good " }], [{ text: "day" }]);
  server.script.push(call);
  const id = randomUUID();
  const leaving = new AbortController();
  const response = await open(id, "?abort=cancel", leaving.signal);
  const signal = await asked;
  leaving.abort();
  await response.text().catch(() => {});
  await expect.poll(() => signal.aborted).toBe(true);
  await expect.poll(async () => textOf((await historyOf(server, id)).at(-1))).toBe("Good ");
});

test.each(["the chat is deleted", "the caller is removed"])("a stream ends with an error once %s", async (what) => {
  const memberId = `m-${randomUUID()}`;
  await server.tenant.addMember(memberId);
  const bob = await server.tenant.token(memberId);
  const conversations = server.server.client(ConversationService, server.credential);
  const { conversation } = await conversations.createConversation({ participantIds: [memberId] });
  const conversationId = conversation?.id ?? "";
  const { call, asked, goOn } = pauses([{ text: "Good " }], [{ text: "day" }]);
  server.script.push(call);
  const first = post(server, { id: conversationId, messages: [user("Hi")] });
  await asked;
  const follows = await fetch(`${server.server.url}/api/chat/${conversationId}/stream`, { headers: bob });
  if (what === "the chat is deleted") await conversations.deleteConversation({ conversationId });
  else {
    const participants = server.server.client(ParticipantService, server.credential);
    await participants.removeParticipant({ conversationId, memberId });
  }
  const chunks = chunksOf(await follows.text());
  const [text] = chunks.filter(({ type }) => type === "text-start");
  expect(chunks.slice(-3)).toEqual([
    { type: "text-end", id: text.id },
    { type: "error", errorText: expect.stringMatching(/^[A-Z_]+: /) },
    "[DONE]",
  ]);
  goOn();
  const own = (await first).chunks;
  expect([own.at(-2)?.type, own.at(-1)]).toEqual([what === "the chat is deleted" ? "error" : "finish", "[DONE]"]);
});

test("a message that is posted again follows the same reply, while it is made and after", async () => {
  const { call, asked, goOn } = pauses([{ text: "Good " }], [{ text: "day" }]);
  server.script.push(call);
  const body = { id: randomUUID(), messages: [user("Hi")] };
  const before = server.agent.calls.length;
  const first = post(server, body);
  await asked;
  const second = post(server, body);
  goOn();
  const third = async () =>
    post(server, { ...body, messages: [{ ...body.messages[0], parts: [{ type: "text", text: "changed" }] }] });
  const streams = [await first, await second, await third()].map(({ chunks }) => joined(chunks));
  expect(streams[1]).toEqual(streams[0]);
  expect(streams[2]).toEqual(streams[0]);
  expect(server.agent.calls.length).toBe(before + 1);
  expect(await historyOf(server, body.id)).toHaveLength(2);
});

test("a second message while a reply is made is refused, queued or interrupts, as it says", async () => {
  const first = pauses([{ text: "One" }], [{ text: "!" }]);
  server.script.push(first.call);
  const id = randomUUID();
  const [one, two, three] = [user("1"), user("2"), user("3")];
  const running = post(server, { id, messages: [one] });
  await first.asked;
  const refused = await post(server, { id, messages: [one, two] });
  expect([refused.status, refused.text]).toEqual([409, "Another turn is running in the conversation."]);
  expect((await historyOf(server, id)).map((one: Any) => one.id)).toEqual([one.id]);
  const queued = post(server, { id, messages: [one, two] }, "?ifRunning=queue");
  await expect.poll(async () => (await historyOf(server, id)).length).toBe(2);
  first.goOn();
  expect(textOfChunks((await running).chunks)).toBe("One!");
  expect(textOfChunks((await queued).chunks)).toBe("Hello");
  const last = pauses([{ text: "Two" }]);
  server.script.push(last.call);
  const going = post(server, { id, messages: [three] });
  await last.asked;
  const interrupting = await post(server, { id, messages: [three, user("4")] }, "?ifRunning=interrupt");
  expect(textOfChunks(interrupting.chunks)).toBe("Hello");
  expect((await going).chunks.slice(-2)).toEqual([{ type: "abort" }, "[DONE]"]);
  expect((await post(server, { id, messages: [user("5")] }, "?ifRunning=maybe")).text).toBe(
    "ifRunning: must be reject, queue or interrupt",
  );
});

async function open(id: string, query: string, signal: AbortSignal): Promise<Response> {
  return fetch(`${server.server.url}/api/chat${query}`, {
    method: "POST",
    headers: { ...server.credential, "content-type": "application/json" },
    body: JSON.stringify({ id, messages: [user("Hi")] }),
    signal,
  });
}

/** The chunks with neighbouring deltas as one. */
function joined(chunks: Any[]): Any[] {
  const all: Any[] = [];
  for (const chunk of chunks) {
    const last = all.at(-1);
    if (chunk.delta !== undefined && last?.delta !== undefined)
      all[all.length - 1] = { ...last, delta: last.delta + chunk.delta };
    else all.push(chunk);
  }
  return all;
}

const textOfChunks = (chunks: Any[]) =>
  chunks.map(({ type, delta }: Any) => (type === "text-delta" ? delta : "")).join("");
