// F-PIPELINE: what one HTTP/1.1 connection sends without waiting is carried out in the order in which it was sent.
// nodejs/node#50850, tempesta#2420, tempesta#419, helidon#2580, ratpack#1700.
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService, SendMessageRequestSchema } from "../../gen/colloquy/v1/message_service_pb.ts";
import { cut, type FramedCall, http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

const make = async () => (await server.client(ConversationService, key).createConversation({})).conversation?.id ?? "";
const texts = async (conversationId: string) =>
  (await server.client(MessageService, key).listMessages({ conversationId })).messages.map(({ content }) => content);

function rest(method: string, path: string, body?: object): FramedCall {
  return {
    method,
    path: `/v1/${path}`,
    headers: { "content-type": "application/json", ...key },
    body: Buffer.from(body === undefined ? "" : JSON.stringify(body)),
  };
}

function binary(conversationId: string, content: string): FramedCall {
  const request = create(SendMessageRequestSchema, { conversationId, message: { content } });
  return {
    path: "/colloquy.v1.MessageService/SendMessage",
    headers: { "content-type": "application/proto", ...key },
    body: Buffer.from(toBinary(SendMessageRequestSchema, request)),
  };
}

const sent = (calls: readonly FramedCall[]) => Buffer.concat(calls.map((call) => http1Request(call, {})));

test("messages, by whatever way each of them came", async () => {
  const id = await make();
  // The first of three takes the longest to read.
  const contents = Array.from({ length: 24 }, (_, i) => String(i).padEnd(i % 3 === 0 ? 60_000 : 5, "."));
  const calls = contents.map((content, i) =>
    i % 3 === 1 ? binary(id, content) : rest("POST", `conversations/${id}/messages`, { content }),
  );
  const answers = await speakHttp1(server.url, cut(sent(calls), [200_000]), calls.length);
  expect(answers.map(({ status }) => status)).toEqual(calls.map((_, i) => (i % 3 === 1 ? 200 : 201)));
  expect(await texts(id)).toEqual(contents);
});

test("what a call behind another is answered is what the other left", async () => {
  const id = await make();
  const [message] = await speakHttp1(server.url, [
    sent([rest("POST", `conversations/${id}/messages`, { content: "first" })]),
  ]);
  const { id: messageId } = JSON.parse(message?.body ?? "");
  const path = `messages/${messageId}`;
  const calls = [
    ...["a", "b", "c", "d"].map((content) => rest("PATCH", path, { content })),
    rest("GET", path),
    rest("DELETE", path),
    rest("GET", path),
  ];
  const answers = await speakHttp1(server.url, [sent(calls)], calls.length);
  const told = answers.map(({ status, body }) => [status, JSON.parse(body || "{}").content]);
  // An edit, an edit, an edit, an edit, the message, and the deletion, which answers with what it was.
  const seen = ["a", "b", "c", "d", "d", "d"].map((content) => [200, content]);
  expect(told).toEqual([...seen, [404, undefined]]);
});
