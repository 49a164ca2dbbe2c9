// Agents are given the bytes of files, never ids of this store; what they make themselves becomes files of the
// conversation.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReplyResponseSchema } from "../../../gen/colloquy/agent/v1/agent_service_pb.ts";
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import type { ChatResponse } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { type Person, PIXEL, personOf } from "../../support/calls/files.ts";
import {
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../../support/servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../../support/services/agents.ts";
import { startUpstream, type Upstream } from "../../support/services/upstream.ts";

let server: IdentityServer;
let upstream: Upstream;
let agent: FakeAgent;
beforeAll(async () => {
  [server, upstream, agent] = await Promise.all([
    startIdentityServer({ environment: { COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_FILE_QUOTA: "3MiB" } }),
    startUpstream(),
    startFakeAgent(),
  ]);
});
afterAll(() => Promise.all([server.close(), upstream.close(), agent.close()]));

const fileWith = (value: string) => ({ case: "file", value: { source: { case: "fileId", value } } }) as const;

test("a model gets a picture as data, a text as text, and of an erased file no more than that it was there", async () => {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const key = personOf(server, credential);
  const connector = { case: "openai", value: { baseUrl: upstream.url, model: "m", api: 1 } } as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "model", connector } });
  const { conversation } = await key.conversations.createConversation({ conversation: { agent: "model" } });
  const conversationId = conversation?.id ?? "";
  const [picture, text, erased] = [
    await key.upload(PIXEL, { name: "pixel.png" }),
    await key.upload(Buffer.from("a,b"), { name: "a.csv", type: "text/csv" }),
    await key.upload(PIXEL, { name: "gone.png" }),
  ];
  await key.send(conversationId, erased.id);
  await key.files.deleteFile({ fileId: erased.id });
  upstream.answer = (response) =>
    response.end('data: {"choices":[{"index":0,"delta":{"content":"One pixel."},"finish_reason":"stop"}]}\n\n');
  const file = (value: string) => ({ content: fileWith(value) });
  const said = { content: { case: "text", value: { text: "What is it?" } } } as const;
  const message = { parts: [said, file(picture.id), file(text.id)] };
  const turn = server.client(TurnService, credential).chat({ conversationId, message });
  expect(await Array.fromAsync(turn, ({ event }) => event.case)).toContain("ended");
  const [{ body } = { body: undefined }] = upstream.calls;
  expect(JSON.stringify(body)).not.toMatch(new RegExp(`${picture.id}|${text.id}|${erased.id}`));
  expect(body.messages.at(-1).content).toEqual([
    { type: "text", text: "(A file that is not available here.)\n\nWhat is it?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL.toString("base64")}` } },
    { type: "text", text: "a.csv:\na,b" },
  ]);
});

const fileOf = (data: Buffer<ArrayBuffer>, name: string, mediaType = "application/octet-stream") =>
  create(ReplyResponseSchema, {
    piece: {
      case: "part",
      value: { content: { case: "file", value: { source: { case: "data", value: data }, name, mediaType } } },
    },
  });

async function conversationWith(tenant: IdentityTenant) {
  const { credential } = await tenant.key("read", "write", "admin");
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "painter", connector } });
  await Promise.all(["ann", "bob"].map((name) => tenant.addMember(name)));
  const [ann, bob] = await Promise.all(["ann", "bob"].map(async (name) => personOf(server, await tenant.token(name))));
  if (ann === undefined || bob === undefined) throw new Error("nobody came");
  const { conversation } = await ann.conversations.createConversation({ conversation: { agent: "painter" } });
  return { ann, bob, admin: personOf(server, credential), conversationId: conversation?.id ?? "" };
}

function chat({ credential }: Person, conversationId: string): AsyncIterable<ChatResponse> {
  const request = { conversationId, message: { content: "Paint." }, streamEntries: true };
  return server.client(TurnService, credential).chat(request);
}

async function ended(events: AsyncIterable<ChatResponse>) {
  const last = (await Array.fromAsync(events)).at(-1)?.event;
  return last?.case === "ended" ? last.value.turn : undefined;
}

test("what an agent makes is a file of the conversation from its first moment: of who sees that, and of nobody else", async () => {
  const { ann, bob, conversationId } = await conversationWith(await server.tenant());
  // More than a part or a request holds.
  const picture = Buffer.concat([PIXEL, Buffer.alloc(2 << 20)]);
  const seen: boolean[] = [];
  agent.answer = async function* () {
    yield create(ReplyResponseSchema, { text: "Here: " });
    yield fileOf(picture, "a/b.png");
    yield create(ReplyResponseSchema, { text: "Done." });
  };
  let fileId = "";
  for await (const { event } of chat(ann, conversationId)) {
    if (event.case !== "entryDelta" || event.value.piece.case !== "part") continue;
    const { content } = event.value.piece.value;
    expect(content).toMatchObject({ case: "file", value: { mediaType: "image/png", name: "a/b.png" } });
    fileId = content.case === "file" && content.value.source.case === "fileId" ? content.value.source.value : "";
    seen.push(await ann.sees(fileId), await bob.sees(fileId));
  }
  expect(seen).toEqual([true, false]);
  const { files } = await ann.files.listFiles({ conversationId });
  const uploader = { type: ActorType.AGENT };
  expect(files).toMatchObject([
    { id: fileId, name: "", mediaType: "image/png", size: BigInt(picture.length), uploader },
  ]);
  const content = await ann.rest(`/v1/files/${fileId}/content`);
  expect(Buffer.from(await content.arrayBuffer()).equals(picture)).toBe(true);
  const { messages } = await ann.messages.listMessages({ conversationId });
  expect(messages.map(({ parts }) => parts.map(({ content }) => content.case))).toEqual([[], ["text", "file"], []]);
  expect([await ann.sees(fileId), await bob.sees(fileId)]).toEqual([true, false]);
  await ann.participants.addParticipants({ conversationId, memberIds: ["bob"] });
  expect(await bob.sees(fileId)).toBe(true);
  // The next turn's agent has the bytes again.
  agent.calls.length = 0;
  agent.answer = async function* () {
    yield create(ReplyResponseSchema, { text: "Again." });
  };
  await ended(chat(ann, conversationId));
  expect(JSON.stringify(agent.calls[0]?.request.messages[1]?.parts[1]?.content.value)).toContain("image/png");
  await ann.messages.deleteMessage({ messageId: messages[1]?.id ?? "" });
  expect([await ann.sees(fileId), await bob.sees(fileId)]).toEqual([false, false]);
});

// usememos/memos#5691, RocketChat/Rocket.Chat#38892, logicleai/logicle#1048: an id of another's file was taken.
// nstfkc/gemi#490, ginlix-ai/LangAlpha#401: the file of a result did not reach the model.
describe("F-ANSWER-FILES: a file that the result of a client's tool names", () => {
  const result = (callId: string, ...fileIds: string[]) => {
    const parts = fileIds.map((value) => ({ content: fileWith(value) }));
    return { callId, output: { case: "parts" as const, value: { parts } } };
  };

  async function waiting(...callIds: string[]) {
    const people = await conversationWith(await server.tenant());
    agent.calls.length = 0;
    agent.answer = async function* () {
      if (agent.calls.length > 1) return yield create(ReplyResponseSchema, { text: "Seen." });
      for (const callId of callIds) {
        yield create(ReplyResponseSchema, { piece: { case: "toolCall", value: { callId, name: "look" } } });
      }
    };
    const turns = server.client(TurnService, people.ann.credential);
    const message = { content: "Look." };
    const tools = [{ name: "look", inputSchemaJson: '{"type":"object"}' }];
    const events = turns.chat({ conversationId: people.conversationId, message, tools, streamEntries: true });
    let turnId = "";
    for await (const { event } of events) {
      if (event.case === "started") turnId = event.value.turn?.id ?? "";
      if (event.case === "inputRequired") break;
    }
    const follow = async () => {
      for await (const { event } of turns.resumeTurn({ turnId })) if (event.case === "ended") return event.value.turn;
    };
    return { ...people, turns, turnId, follow };
  }

  test("is seen by who sees the conversation, listed in it, and given to the agent as bytes", async () => {
    const { ann, bob, conversationId, turns, turnId, follow } = await waiting("a", "b");
    await ann.participants.addParticipants({ conversationId, memberIds: ["bob"] });
    const [first, second] = [
      await ann.upload(PIXEL, { name: "pixel.png" }),
      await ann.upload(Buffer.from("a,b"), { name: "a.csv", type: "text/csv" }),
    ];
    await turns.answerTurn({ turnId, results: [result("a", first.id), result("b", second.id, first.id)] });
    await follow();
    expect([await bob.sees(first.id), await bob.sees(second.id)]).toEqual([true, true]);
    const { files } = await bob.files.listFiles({ conversationId });
    expect(files.map(({ name }) => name).sort()).toEqual(["a.csv", "pixel.png"]);
    const given = agent.calls[1]?.request.messages.flatMap(({ parts }) =>
      parts.flatMap(({ content }) =>
        content.case === "toolResult" && content.value.output.case === "parts" ? content.value.output.value.parts : [],
      ),
    );
    const file = (name: string, mediaType: string, value: Buffer) => ({
      content: { case: "file", value: { name, mediaType, source: { case: "data", value: new Uint8Array(value) } } },
    });
    const pixel = file("pixel.png", "image/png", PIXEL);
    expect(given).toMatchObject([pixel, file("a.csv", "text/csv", Buffer.from("a,b")), pixel]);
  });

  test("must be one that the caller sees: else nothing is stored, and the turn waits on", async () => {
    const { ann, bob, conversationId, turns, turnId, follow } = await waiting("a", "b");
    const [own, foreign] = [await ann.upload(PIXEL), await bob.upload(PIXEL)];
    for (const id of [foreign.id, newId()]) {
      await expect(
        turns.answerTurn({ turnId, results: [result("a", own.id), result("b", own.id, id)] }),
      ).rejects.toThrow("[invalid_argument] results[1].parts.parts[1].file.file_id: is not a file");
    }
    expect((await ann.files.listFiles({ conversationId })).files).toEqual([]);
    expect([await bob.sees(foreign.id), await ann.sees(foreign.id), await ann.sees(own.id)]).toEqual([
      true,
      false,
      true,
    ]);
    await turns.answerTurn({ turnId, results: [result("a", own.id), result("b", "file-elsewhere")] });
    await follow();
    expect((await ann.files.listFiles({ conversationId })).files).toHaveLength(1);
  });
});

test("an agent's file for which the tenant has no room ends the turn, which says so and keeps the text before it", async () => {
  const { ann, conversationId } = await conversationWith(await server.tenant());
  agent.answer = async function* () {
    yield create(ReplyResponseSchema, { text: "Here: " });
    yield fileOf(Buffer.alloc(4 << 20), "large.bin");
  };
  await expect(ended(chat(ann, conversationId))).rejects.toThrow(
    "there is no room for the agent's file: those of the tenant may take at most 3145728 bytes together",
  );
  const { messages } = await ann.messages.listMessages({ conversationId });
  expect(messages.map(({ content }) => content)).toEqual(["Paint.", "Here: "]);
  const { files } = await ann.files.listFiles({ conversationId });
  expect(files).toEqual([]);
});
