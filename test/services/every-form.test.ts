// Whatever other protocols put into messages: in over its own protocol, stored, out again, equal; the same over the API
// on every wire; and equal once more where a client of the API has written what it read.
import { randomUUID } from "node:crypto";
import { fromJson, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver, WIRE_FORMS, type WireForm } from "../support/calls/five-wires.ts";
import { FORM_ROWS, type Form } from "../support/forms/rows.ts";
import { eventsIn, input } from "../support/fronts/agui.ts";
import { ALL_KINDS } from "../support/random/random-parts.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let credential: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "openai,aisdk,agui,a2a" } });
  credential = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const connector = { case: "echo", value: {} } as const;
  await server.client(AgentService, credential).createAgent({ agent: { name: "default", connector } });
});
afterAll(() => server.close());

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(server.url + path, {
    method,
    headers: { "content-type": "application/json", ...credential, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  expect([answer.status, text]).toEqual([200, text]);
  return text;
}

interface Protocol {
  /** Begins a conversation with it. What is read back at once, and the id under which the conversation is found. */
  write(value: JsonObject): Promise<{ readonly read?: JsonValue; readonly clientId?: string; readonly id?: string }>;
  /** What a conversation begins with, by its UUID; undefined: the protocol reads none that it has not begun. */
  readonly first?: (conversationId: string) => Promise<JsonValue>;
}

const said = { id: "last", role: "user" };
const bare = ({ id: _, ...rest }: Record<string, JsonValue>) => rest;

const PROTOCOLS: Readonly<Record<Form, Protocol>> = {
  "OpenAI item": {
    async write(item) {
      const { id } = JSON.parse(await call("POST", "/openai/v1/conversations", { items: [item] }));
      return { id: String(id).replace(/^conv_(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") };
    },
    async first(id) {
      const path = `/openai/v1/conversations/conv_${id.replaceAll("-", "")}/items?order=asc&limit=1`;
      return bare(JSON.parse(await call("GET", path)).data[0]);
    },
  },
  "UIMessage part": {
    async write(part) {
      const id = randomUUID();
      const last = { ...said, parts: [{ type: "text", text: "go" }] };
      await call("POST", "/api/chat", { id, messages: [{ id: "first", role: "assistant", parts: [part] }, last] });
      return { clientId: id };
    },
    first: async (id) => JSON.parse(await call("GET", `/api/chat/${id}/messages`))[0].parts[0],
  },
  "AG-UI message": {
    async write(message) {
      const threadId = randomUUID();
      const messages = [
        { ...message, id: "first" },
        { ...said, content: "go" },
      ];
      await call("POST", "/agui/default", input({ threadId, messages: messages as never }));
      return { clientId: threadId };
    },
    async first(id) {
      const events = eventsIn(await call("POST", "/agui/default", input({ threadId: id, runId: randomUUID() })));
      return bare(events.find(({ type }) => type === "MESSAGES_SNAPSHOT").messages[0]);
    },
  },
  "A2A part": {
    async write(part) {
      const contextId = randomUUID();
      const message = { messageId: "first", contextId, role: "ROLE_USER", parts: [part] };
      const request = { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { tenant: "default", message } };
      const { result } = JSON.parse(await call("POST", "/a2a", request, { "a2a-version": "1.0" }));
      return { clientId: contextId, read: result.task.history[0].parts[0] };
    },
  },
};

const over = (wire: WireForm) => {
  const transport = transportOver(wire, server.url, credential);
  return {
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
  };
};

/** The first entry of a conversation in the contract's JSON. */
async function entry(wire: WireForm, conversationId: string): Promise<JsonObject> {
  const { messages } = await over(wire).messages.listMessages({ conversationId, kinds: ALL_KINDS, pageSize: 1 });
  return toJson(MessageSchema, messages[0] as never) as JsonObject;
}

test.each(FORM_ROWS.map((row) => [row[0], row[1], row] as const))(
  "%s: %s comes back equal over its protocol and the API",
  async (_form, _name, [form, , value, filled = {}]) => {
    const protocol = PROTOCOLS[form];
    const { read, clientId = "", id } = await protocol.write(value);
    const { conversations, messages } = over("Connect JSON");
    const found = id ?? (await conversations.listConversations({ clientId })).conversations[0]?.id ?? "";
    const { id: _id, ...sent } = value;
    const expected = form === "OpenAI item" ? { type: "message", ...sent, ...filled } : value;
    expect(read ?? (await protocol.first?.(found))).toEqual(expected);

    const stored = await entry("Connect JSON", found);
    for (const wire of WIRE_FORMS) expect(await entry(wire, found)).toEqual(stored);

    const { kind, role, content, parts, metadata } = stored;
    const copied = Object.entries({ kind, role, parts, metadata, ...(parts === undefined && { content }) });
    const draft = fromJson(
      MessageSchema,
      Object.fromEntries(copied.filter(([, one]) => one !== undefined)) as JsonObject,
    );
    const { conversation } = await over("gRPC").conversations.createConversation({});
    const copy = conversation?.id ?? "";
    await messages.batchSendMessages({ conversationId: copy, messages: [draft] });
    const { parts: again, content: text } = await entry("REST", copy);
    expect([again, text]).toEqual([parts, content]);
    if (protocol.first) expect(await protocol.first(copy)).toEqual(expected);
  },
);
