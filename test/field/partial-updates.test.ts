// F-PARTIAL: what the JSON of an update names is changed: null, defaults, and what was emptied too. Every field of
// every Update method.
import { randomUUID } from "node:crypto";
import type { DescField, DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { updatePartsOf } from "../../src/pipeline/call/implied-mask.ts";
import { reasonOf } from "../support/errors.ts";
import { ownServices } from "../support/servers/contract.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

interface Resource {
  readonly method: DescMethod;
  /** `/v1/conversations` */
  readonly path: string;
  readonly id: string;
  /** Makes one with all these fields, and gives its id. */
  make(full: JsonObject): Promise<string>;
  /** Every settable field with a value that is not its default. */
  readonly full: JsonObject;
  /** Fields that are nothing without each other. */
  readonly together?: readonly (readonly string[])[];
}

const LANES = ["on", "off"] as const;
const servers = new Map<
  string,
  { server: IdentityServer; tenant: IdentityTenant; admin: Credential; root: Credential }
>();
beforeAll(async () => {
  for (const lanes of LANES) {
    const server = await startIdentityServer({ environment: { COLLOQUY_UNARY: lanes } });
    const tenant = await server.tenant();
    await tenant.addMember("ada", { role: "admin" });
    await tenant.addMember("bob");
    const key = await tenant.key("read", "write", "admin");
    servers.set(lanes, { server, tenant, admin: key.credential, root: await server.superAdmin() });
  }
});
afterAll(() => Promise.all([...servers.values()].map(({ server }) => server.close())));

const CONVERSATION: JsonObject = {
  title: "Talk",
  status: "CONVERSATION_STATUS_ARCHIVED",
  ownerId: "bob",
  agent: "helper",
  mode: "chat",
  callType: "CALL_TYPE_INBOUND",
  entityType: "order",
  entityId: "7",
  pinned: true,
  labels: { team: "support" },
  metadata: { a: { b: [1] } },
  persona: { tone: "kind" },
  profileInfo: { age: 7 },
  maxContextLength: 7,
  stateJson: '{"a":1}',
};
const MESSAGE: JsonObject = {
  content: "Hello",
  parts: [{ id: "p", text: { text: "Hello", annotations: [] } }],
  role: "MESSAGE_ROLE_ASSISTANT",
  metadata: { a: 1 },
  clientTime: "2026-01-31T12:00:00Z",
};
const AGENT: JsonObject = {
  name: "",
  description: "Helps",
  openai: { model: "m", baseUrl: "https://api.example.com" },
  credential: "secret",
  idleTimeout: "7s",
  timeout: "77s",
  inputTimeout: "777s",
  tools: [{ name: "look", description: "Looks", inputSchemaJson: "{}", client: {}, needsApproval: true }],
  mcpServers: [{ name: "w", url: "https://mcp.example.com", credential: "secret", allowedTools: ["a"], timeout: "7s" }],
  disabled: true,
  metadata: { a: 1 },
};

const ENDPOINT: JsonObject = {
  description: "Index",
  url: "https://hooks.example.com/a",
  headers: { "x-key": "secret" },
  eventTypes: ["message.sent"],
  filter: { mode: "chat" },
  order: "WEBHOOK_ORDER_NONE",
  batchSize: 7,
  timeout: "7s",
};

async function ask(lanes: string, verb: string, path: string, body?: JsonValue, as: "admin" | "root" = "admin") {
  const { server, [as]: credential } = servers.get(lanes) as NonNullable<ReturnType<typeof servers.get>>;
  const response = await fetch(server.url + path, {
    method: verb,
    headers: { ...credential, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as JsonObject };
}

async function made(lanes: string, path: string, body: JsonObject, as: "admin" | "root" = "admin"): Promise<string> {
  const { status, json } = await ask(lanes, "POST", path, body, as);
  if (status >= 300) throw new Error(JSON.stringify(json));
  return json.id as string;
}

function resourcesOn(lanes: string): Resource[] {
  const conversation = (full: JsonObject) => made(lanes, "/v1/conversations", { conversation: full });
  return [
    {
      method: ConversationService.method.updateConversation,
      path: "/v1/conversations",
      id: "conversationId",
      make: conversation,
      full: CONVERSATION,
      together: [["entityType", "entityId"]],
    },
    {
      method: MessageService.method.updateMessage,
      path: "/v1/messages",
      id: "messageId",
      make: async (full) => {
        const of = await conversation({ title: "of a message" });
        return await made(lanes, `/v1/conversations/${of}/messages`, full);
      },
      full: MESSAGE,
    },
    {
      method: AgentService.method.updateAgent,
      path: "/v1/agents",
      id: "agentId",
      make: (full) => made(lanes, "/v1/agents", { ...full, name: `a-${randomUUID()}` }),
      full: AGENT,
    },
    {
      method: WebhookService.method.updateWebhookEndpoint,
      path: "/v1/webhooks",
      id: "endpointId",
      make: async (full) => {
        const { json } = await ask(lanes, "POST", "/v1/webhooks", { endpoint: full });
        return (json.endpoint as JsonObject).id as string;
      },
      full: ENDPOINT,
    },
    {
      method: TenantService.method.updateTenant,
      path: "/v1/tenants",
      id: "tenantId",
      make: (full) => made(lanes, "/v1/tenants", { tenant: { slug: `t-${randomUUID()}`, ...full } }, "root"),
      full: { displayName: "Tenant", presenceOff: true, auditRetentionDays: 30, outsideReads: "OUTSIDE_READS_AUDITED" },
    },
  ];
}

/** What changes with every change, or is told differently each time. */
const VARYING = [
  "id",
  "etag",
  "createTime",
  "updateTime",
  "editTime",
  "revision",
  "lastSeq",
  "name",
  "slug",
  "conversationId",
];
const VOLATILE = new Set([...VARYING, "number", "participants"]);

function settled(json: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(json).filter(([name]) => !VOLATILE.has(name)));
}

/** How a change went: the resource afterwards, or what was refused. */
async function outcome(lanes: string, { path, make, full }: Resource, change: (id: string) => ReturnType<typeof ask>) {
  const as = path === "/v1/tenants" ? "root" : "admin";
  const id = await make(full);
  const before = settled((await ask(lanes, "GET", `${path}/${id}`, undefined, as)).json);
  const { status, json } = await change(id);
  if (status !== 200) return { status, refused: json.message ?? json, before, after: before };
  return { status, before, after: settled((await ask(lanes, "GET", `${path}/${id}`, undefined, as)).json) };
}

function forms(lanes: string, { method, path, id: idField }: Resource, resource: string) {
  const as = path === "/v1/tenants" ? "root" : "admin";
  const rpc = `/${method.parent.typeName}/${method.name}`;
  const connect = (id: string, change: JsonObject, extra: JsonObject) =>
    ask(lanes, "POST", rpc, { [idField]: id, [resource]: change, ...extra }, as);
  return {
    rest: (id: string, change: JsonObject) => ask(lanes, "PATCH", `${path}/${id}`, change, as),
    connect: (id: string, change: JsonObject) => connect(id, change, {}),
    "connect, an empty mask": (id: string, change: JsonObject) => connect(id, change, { updateMask: "" }),
    "connect, a null mask": (id: string, change: JsonObject) => connect(id, change, { update_mask: null }),
    masked: (id: string, change: JsonObject) => connect(id, change, { updateMask: Object.keys(change).join(",") }),
  };
}

/**
 * REST, which passes no lane, once, and of the other forms one by turns, from value to value another; with
 * `TEST_KINDS=all`, all.
 */
function* lookedAt<Send>(
  { rest, ...others }: Readonly<Record<string, Send>> & { rest: Send },
  lanes: string,
  turn: number,
) {
  const named = Object.entries(others);
  if (lanes === "on" || EVERYTHING) yield ["rest", rest] as const;
  for (const [place, one] of named.entries()) if (EVERYTHING || place === turn % named.length) yield one;
}
const EVERYTHING = process.env.TEST_KINDS === "all";
let turn = 0;

const DEFAULTS: Readonly<Record<string, JsonValue>> = { string: "", bool: false, int: 0 };
function defaultOf(field: DescField): JsonValue {
  if (field.fieldKind === "enum") return field.enum.values[0]?.name as string;
  if (field.fieldKind === "scalar")
    return DEFAULTS[{ 9: "string", 8: "bool" }[field.scalar as number] ?? "int"] as JsonValue;
  return field.fieldKind === "message" && field.message.name === "Struct" ? {} : null;
}

test("F-PARTIAL: the table has every Update method, and every field that a caller may set", () => {
  const updates = ownServices.flatMap(({ methods }) => methods).filter(({ name }) => name.startsWith("Update"));
  const resources = resourcesOn("on");
  expect(resources.map(({ method }) => method.name).sort()).toEqual(updates.map(({ name }) => name).sort());
  for (const { method, full } of resources) {
    const settable = new Set(
      [...(updatePartsOf(method.input)?.settable.values() ?? [])].map(({ jsonName }) => jsonName),
    );
    // Of the alternatives of a oneof, one is set.
    for (const other of ["echo", "connect", "anthropic", "a2a"]) settable.delete(other);
    expect([...settable].sort()).toEqual(Object.keys(full).sort());
  }
});

describe.each(LANES)("with the unary lane %s", (lanes) => {
  const cases = resourcesOn(lanes).flatMap((resource) => {
    const parts = updatePartsOf(resource.method.input);
    return Object.keys(resource.full).map((name) => ({
      resource,
      name,
      parts,
      label: `${resource.method.name} ${name}`,
    }));
  });
  test.each(cases)("F-PARTIAL: $label is changed by null and by its default", async ({ resource, name, parts }) => {
    if (parts === undefined) throw new Error("no update");
    const names = resource.together?.find((some) => some.includes(name)) ?? [name];
    const field = parts.settable.get(name) as DescField;
    for (const value of [null, defaultOf(field)]) {
      const change = Object.fromEntries(names.map((one) => [one, value]));
      const { masked, ...named } = forms(lanes, resource, parts.resource.jsonName);
      const expected = await outcome(lanes, resource, (id) => masked(id, change));
      if (expected.status === 200) expect(expected.after).not.toEqual(expected.before);
      else expect(expected.status).toBe(400);
      for (const [form, send] of lookedAt(named, lanes, turn++)) {
        expect([form, await outcome(lanes, resource, (id) => send(id, change))]).toEqual([form, expected]);
      }
    }
  });

  test("F-PARTIAL: a name in either spelling or with escapes, members twice and nested names", async () => {
    const rpc = "/colloquy.v1.ConversationService/UpdateConversation";
    const { server, admin } = servers.get(lanes) as NonNullable<ReturnType<typeof servers.get>>;
    const send = async (raw: string) => {
      const headers = { ...admin, "content-type": "application/json" };
      const response = await fetch(server.url + rpc, { method: "POST", headers, body: raw });
      const { conversation } = (await response.json()) as { conversation?: JsonObject };
      return [response.status, conversation?.maxContextLength, conversation?.pinned, conversation?.title];
    };
    const id = () => made(lanes, "/v1/conversations", { conversation: CONVERSATION });
    const of = async (resource: string, rest = "") =>
      await send(`{"conversationId":"${await id()}",${resource}${rest}}`);
    expect(await of(`"conversation":{"max_context_length":0}`)).toEqual([200, 20, true, "Talk"]);
    expect(await of(`"conversation":{"maxContext\\u004cength":0}`)).toEqual([200, 20, true, "Talk"]);
    expect(await of(` "conversation" : { "pinned" : false } `, ` ,"update_mask" : "" `)).toEqual([
      200,
      7,
      undefined,
      "Talk",
    ]);
    expect(await of(`"updateMask":"title","conversation":{"pinned":false,"title":"n"}`)).toEqual([200, 7, true, "n"]);
    expect(await of(`"conversation":{"metadata":{"pinned":false,"updateMask":""}}`)).toEqual([200, 7, true, "Talk"]);
    expect(await of(`"conversation":{"pinned":false},"conversation":{}`)).toEqual([
      400,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await of(`"conversation":{"pinned":false}},"x":{`)).toEqual([400, undefined, undefined, undefined]);
    expect(await of(`"conversation":{"pinned":false},"updateMask":"","updateMask":""`)).toEqual([
      400,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("F-PARTIAL: what was read can be sent back whole, and changes nothing", async () => {
    for (const resource of resourcesOn(lanes)) {
      const as = resource.path === "/v1/tenants" ? "root" : "admin";
      const place = `${resource.path}/${await resource.make(resource.full)}`;
      const { json: read } = await ask(lanes, "GET", place, undefined, as);
      expect(await ask(lanes, "PATCH", place, read, as)).toEqual({ status: 200, json: read });
      expect(await ask(lanes, "PATCH", place, {}, as)).toEqual({ status: 200, json: read });
    }
  });

  test("F-PARTIAL: what was read before another change is not written over it, wherever its etag stands", async () => {
    for (const resource of resourcesOn(lanes)) {
      const as = resource.path === "/v1/tenants" ? "root" : "admin";
      const place = `${resource.path}/${await resource.make(resource.full)}`;
      const { json: old } = await ask(lanes, "GET", place, undefined, as);
      const [field, value] = Object.entries(resource.full).find(([, value]) => typeof value === "string") as [
        string,
        string,
      ];
      const changed = await ask(lanes, "PATCH", place, { [field]: value === "bob" ? "ada" : `${value}2` }, as);
      expect(changed.status).toBe(200);
      for (const stale of [old, { [field]: value, etag: (old as JsonObject).etag as string }]) {
        const { status, json } = await ask(lanes, "PATCH", place, stale, as);
        expect([status, (json as { message?: string }).message]).toEqual([
          412,
          "etag: it changed since this etag was read; read it again, then retry",
        ]);
      }
      expect(await ask(lanes, "GET", place, undefined, as)).toEqual({ status: 200, json: changed.json });
    }
  });

  test.each(WIRES)("F-PARTIAL: on %s, which cannot tell, an update that sets nothing is refused", async (wire) => {
    const { server, admin, root } = servers.get(lanes) as NonNullable<ReturnType<typeof servers.get>>;
    const [conversations, messages, agents] = [ConversationService, MessageService, AgentService].map((service) =>
      server.client(service as typeof ConversationService, admin, wire),
    ) as unknown as [
      ReturnType<typeof server.client<typeof ConversationService>>,
      ReturnType<typeof server.client<typeof MessageService>>,
      ReturnType<typeof server.client<typeof AgentService>>,
    ];
    const [c, m, a, w, t] = await Promise.all(resourcesOn(lanes).map(({ make, full }) => make(full)));
    const conversationId = c as string;
    const webhooks = server.client(WebhookService, admin, wire);
    const tenants = server.client(TenantService, root, wire);
    for (const call of [
      () => conversations.updateConversation({ conversationId, conversation: { pinned: false } }),
      () => messages.updateMessage({ messageId: m as string, message: { content: "" } }),
      () => agents.updateAgent({ agentId: a as string, agent: { disabled: false } }),
      () => webhooks.updateWebhookEndpoint({ endpointId: w as string, endpoint: { description: "" } }),
      () => tenants.updateTenant({ tenantId: t as string, tenant: { displayName: "" } }),
    ]) {
      expect(await reasonOf(call())).toBe("INVALID_FIELD");
    }
    const updateMask = { paths: ["pinned"] };
    const { conversation } = await conversations.updateConversation({ conversationId, conversation: {}, updateMask });
    expect([conversation?.pinned, conversation?.title]).toEqual([false, "Talk"]);
  });
});
