// The dialects over gRPC, gRPC-Web and Connect, and found by reflection; what is not mounted is on no wire.
import { randomUUID } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService as Assistant } from "../../gen/colloquy/compat/assistant/v1/conversation_service_pb.ts";
import { ConversationService as Helpdesk } from "../../gen/colloquy/compat/helpdesk/v1/conversation_service_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { failureOf } from "../support/errors.ts";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import { WIRES } from "../support/servers/identity-server.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects("assistant,helpdesk/desk");
});
afterAll(() => server.close());

describe.each(WIRES)("over %s", (wire) => {
  test("the assistant API does what it does over REST", async () => {
    const userId = randomUUID();
    const client = server.server.client(Assistant, await server.tenant.token(userId), wire);
    const created = await client.createConversation({ userId, title: "t", messages: [{ role: "user", content: "a" }] });
    const conversationId = created.conversation?.id ?? "";
    await client.updateConversation({ userId, conversationId, messages: { messages: [] } });
    const { conversations, count } = await client.listConversations({ userId });
    expect([count, conversations]).toMatchObject([1, [{ id: conversationId, title: "t", messages: [], userId }]]);
    await client.deleteConversation({ userId, conversationId });
    expect(await failureOf(client.deleteConversation({ userId, conversationId }))).toMatchObject({
      code: "NotFound",
      reason: "NOT_FOUND",
    });
    const broken = await failureOf(client.createConversation({ userId: "x" }));
    expect(broken).toMatchObject({ code: "InvalidArgument", fields: ["user_id"] });
  });

  test("the helpdesk API does what it does over REST", async () => {
    const client = server.server.client(Helpdesk, await server.tenant.token("7"), wire);
    const created = await client.createConversation({ userId: 7, agent: "bot", title: "t" });
    const id = BigInt(created.data?.id ?? 0);
    await client.updateConversation({ id, title: "new" });
    expect((await client.getConversation({ id })).data).toMatchObject({ id: Number(id), userId: 7, title: "new" });
    expect(await failureOf(client.listConversations({ userId: 8 }))).toMatchObject({ reason: "PERMISSION_DENIED" });
  });

  test("user ids are trusted as over REST, and a bad credential is refused", async () => {
    const userId = randomUUID();
    const { count } = await server.server.client(Assistant, {}, wire).listConversations({ userId });
    expect(count).toBe(0);
    const bad = server.server.client(Assistant, { authorization: "Bearer x" }, wire);
    expect(await failureOf(bad.listConversations({ userId }))).toMatchObject({ reason: "CREDENTIAL_INVALID" });
  });
});

test("reflection names every dialect that is mounted, and no other; nor is another served", async () => {
  const only = await startDialects("assistant");
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: only.server.url }));
  async function* ask() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
  }
  const names: string[] = [];
  for await (const { messageResponse } of client.serverReflectionInfo(ask())) {
    if (messageResponse.case === "listServicesResponse")
      names.push(...messageResponse.value.service.map(({ name }) => name));
  }
  expect(names.filter((name) => name.includes("compat"))).toEqual(["colloquy.compat.assistant.v1.ConversationService"]);
  const helpdesk = only.server.client(Helpdesk, {}, "grpc");
  expect(await failureOf(helpdesk.listConversations({ userId: 1 }))).toMatchObject({ code: "Unimplemented" });
  await only.close();
});
