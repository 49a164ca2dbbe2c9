// What users of others reported of files in chats: sent again with every post, lost between two forms, or put back into
// a history that no model takes.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { PIXEL } from "../support/calls/files.ts";
import { a2aClient, message } from "../support/fronts/a2a.ts";
import { aguiClient, bodies, runAgui } from "../support/fronts/agui.ts";
import { type Any, type ChatServer, historyOf, post, startChats, user } from "../support/fronts/ai-sdk.ts";
import { startUpstream, type Upstream } from "../support/services/upstream.ts";

let chats: ChatServer;
let upstream: Upstream;
beforeAll(async () => {
  [chats, upstream] = await Promise.all([startChats([], { COLLOQUY_COMPAT: "aisdk,agui,a2a" }), startUpstream()]);
  for (const [name, api] of [
    ["completions", 1],
    ["responses", 2],
  ] as const) {
    const connector = { case: "openai", value: { baseUrl: upstream.url, model: "m", api } } as const;
    await chats.server.client(AgentService, chats.admin).createAgent({ agent: { name, connector } });
  }
});
afterAll(() => Promise.all([chats.close(), upstream.close()]));

const base64 = PIXEL.toString("base64");
const dataUrl = `data:image/png;base64,${base64}`;
const files = (clientId: string) => async () => {
  const { client } = chats.server;
  const { conversations } = await client(ConversationService, chats.credential).listConversations({ clientId });
  const request = { conversationId: conversations[0]?.id ?? "" };
  return (await client(FileService, chats.credential).listFiles(request)).files;
};
/** The files that the agent was given last, in order. */
const given = () =>
  chats.agent.calls
    .at(-1)
    ?.request.messages.flatMap(({ parts }) =>
      parts.flatMap(({ content }) => (content.case === "file" ? [content.value] : [])),
    );

test("F-FILE-RESENT (deepchat#1864, codex#37194, vercel/ai#7294): the whole history with its pictures, posted again and again, is stored once", async () => {
  const id = randomUUID();
  const first = {
    ...user("Look"),
    parts: [
      { type: "file", mediaType: "image/png", url: dataUrl },
      { type: "text", text: "Look" },
    ],
  };
  const messages: Any[] = [first];
  for (let n = 0; n < 3; n++) {
    expect((await post(chats, { id, messages })).status).toBe(200);
    messages.splice(0, Number.POSITIVE_INFINITY, ...(await historyOf(chats, id)), user(`More ${n}`));
  }
  expect(messages[0]).toEqual(first);
  expect(await files(id)()).toHaveLength(1);
});

test("F-FILE-URL (ai-sdk-tools#129): a picture by its address is kept as that, also in later turns, and nothing is fetched or stored", async () => {
  const id = randomUUID();
  const url = "https://example.com/a.png";
  const first = { ...user("Look"), parts: [{ type: "file", mediaType: "image/png", filename: "a.png", url }] };
  await post(chats, { id, messages: [first] });
  await post(chats, { id, messages: [...(await historyOf(chats, id)), user("Again")] });
  expect((await historyOf(chats, id))[0]).toEqual(first);
  expect(given()?.map(({ source }) => source.value)).toEqual([url]);
  expect(await files(id)()).toEqual([]);
});

test.each([
  ["completions", "messages"],
  ["responses", "input"],
])(
  "F-FILE-MADE (hermes-agent#96816, cherry-studio#13747, murph#1078): a picture of an assistant's is told to %s in words",
  async (agent, field) => {
    const id = randomUUID();
    const image = {
      choices: [
        { index: 0, delta: { content: "Here.", images: [{ image_url: { url: dataUrl } }] }, finish_reason: "stop" },
      ],
    };
    upstream.answer = (response, { path }) => {
      if (path.endsWith("/responses")) {
        const item = { type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "Here." }] };
        response.end(
          `data: ${JSON.stringify({ type: "response.completed", response: { status: "completed", output: [item] } })}\n\n`,
        );
      } else response.end(`data: ${JSON.stringify(image)}\n\n`);
    };
    // The picture was made by another agent, if this one makes none.
    const made = await post(chats, { id, messages: [user("Paint.")] }, "?agent=completions");
    expect(made.chunks.filter(({ type }: Any) => type === "file")).toEqual([
      { type: "file", mediaType: "image/png", url: dataUrl },
    ]);
    const { client } = chats.server;
    const { conversations } = await client(ConversationService, chats.credential).listConversations({ clientId: id });
    const request = {
      conversationId: conversations[0]?.id ?? "",
      conversation: { agent },
      updateMask: { paths: ["agent"] },
    };
    await client(ConversationService, chats.admin).updateConversation(request);
    await post(chats, { id, messages: [...(await historyOf(chats, id)), user("Thanks")] });
    const said = JSON.stringify(upstream.calls.at(-1)?.body[field]);
    expect(said).toContain("(A file: image/png.)");
    expect(said).not.toContain(base64);
  },
);

test("F-FILE-AGUI (assistant-ui#3810, #4321, ag-ui#2447, agno#7928, agent-framework#8114, #3729): every medium and source reaches the agent, and is there after a reload", async () => {
  const threadId = randomUUID();
  const media = ["image", "audio", "video", "document"].flatMap((type) => [
    { type, source: { type: "data", value: base64, mimeType: "image/png" }, metadata: { filename: `${type}.png` } },
    { type, source: { type: "url", value: `https://example.com/${type}`, mimeType: "image/png" } },
  ]);
  const client = aguiClient(chats.server.url, chats.credential, { threadId });
  client.addMessage({ id: "u1", role: "user", content: [{ type: "text", text: "All" }, ...media] } as never);
  expect((await runAgui(client)).error).toBeUndefined();
  expect(given()?.map(({ source }) => source.case)).toEqual(media.map((_, at) => (at % 2 === 0 ? "data" : "url")));
  const again = aguiClient(chats.server.url, chats.credential, { threadId });
  await runAgui(again);
  expect(bodies(again.messages)).toEqual(bodies(client.messages));
});

test("F-FILE-A2A (beeai-framework#1508, trpc-agent-go#1369, assistant-ui#5036, #5546, a2a-java#700): bytes, addresses and data URIs keep type and name, and the agent gets bytes", async () => {
  const client = await a2aClient(chats.server.url, chats.credential, "HTTP+JSON");
  const part = (content: object, filename: string, mediaType: string) => ({
    content,
    filename,
    mediaType,
    metadata: undefined,
  });
  const sent = [
    part({ $case: "raw", value: Buffer.from("RIFF") }, "a.wav", "audio/wav"),
    part({ $case: "url", value: "https://example.com/r.pdf" }, "r.pdf", "application/pdf"),
    part({ $case: "url", value: dataUrl }, "p.png", "image/png"),
  ];
  const asked = message("What are they?");
  asked.message?.parts.push(...(sent as never[]));
  const task = (await client.sendMessage(asked)) as Any;
  const told = task.history[0].parts.slice(1).map(({ content, filename, mediaType }: Any) => {
    const value = content.$case === "raw" ? Buffer.from(content.value).toString() : content.value;
    return [content.$case, value, filename, mediaType];
  });
  expect(told).toEqual([
    ["raw", "RIFF", "a.wav", "audio/wav"],
    ["url", "https://example.com/r.pdf", "r.pdf", "application/pdf"],
    ["url", dataUrl, "p.png", "image/png"],
  ]);
  const [wav, pdf, picture] = given() ?? [];
  expect([wav?.source.case, pdf?.source.case, picture?.source.case]).toEqual(["data", "url", "data"]);
  expect(Buffer.from((picture?.source.value as Uint8Array) ?? []).equals(PIXEL)).toBe(true);
});
