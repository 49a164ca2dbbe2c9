// Agents are given the bytes of files, never ids of this store.
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { PIXEL, personOf } from "../../support/files.ts";
import { type IdentityServer, startIdentityServer } from "../../support/identity-server.ts";
import { startUpstream, type Upstream } from "../../support/upstream.ts";

let server: IdentityServer;
let upstream: Upstream;
beforeAll(async () => {
  [server, upstream] = await Promise.all([
    startIdentityServer({ environment: { COLLOQUY_AGENT_PRIVATE: "yes" } }),
    startUpstream(),
  ]);
});
afterAll(() => Promise.all([server.close(), upstream.close()]));

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
  const file = (value: string) =>
    ({ content: { case: "file", value: { source: { case: "fileId", value } } } }) as const;
  const said = { content: { case: "text", value: { text: "What is it?" } } } as const;
  const message = { parts: [said, file(picture.id), file(text.id)] };
  const turn = server.client(TurnService, credential).chat({ conversationId, message });
  expect(await Array.fromAsync(turn, ({ event }) => event.case)).toContain("ended");
  const [{ body } = { body: undefined }] = upstream.calls;
  expect(JSON.stringify(body)).not.toMatch(new RegExp(`${picture.id}|${text.id}|${erased.id}`));
  expect(body.messages.at(-1).content).toEqual([
    { type: "text", text: "(A file.)\n\nWhat is it?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL.toString("base64")}` } },
    { type: "text", text: "a.csv:\na,b" },
  ]);
});
