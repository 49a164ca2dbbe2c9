// A14: what two readers see of one resource has two tags, and each of them lets an update happen.
import { afterAll, beforeAll, expect, test } from "vitest";
import openapi from "../../gen/openapi/openapi.json" with { type: "json" };
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let tenantId: string;
let readers: Readonly<Record<"key" | "ann" | "bob" | "root", Credential>>;
let ids: Readonly<Record<string, string>>;
const own: Record<string, Readonly<Record<string, string>>> = {};

beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  tenantId = tenant.id;
  await tenant.addMember("ann", { role: "admin" });
  await tenant.addMember("bob", { role: "admin" });
  readers = {
    key: (await tenant.key("read", "write", "admin")).credential,
    ann: await tenant.token("ann"),
    bob: await tenant.token("bob"),
    root: await server.superAdmin(),
  };
  const made = await call("ann", "POST", "/v1/conversations", { participantIds: ["bob"] });
  const conversationId = (made.body as { id: string }).id;
  const sent = await call("ann", "POST", `/v1/conversations/${conversationId}/messages`, { content: "hello" });
  // Its bytes are JSON, as all that is read here.
  const file = await call("ann", "POST", "/v1/files", { said: "hello" });
  const fileId = (file.body as { id: string }).id;
  const parts = [{ file: { fileId } }];
  await call("ann", "POST", `/v1/conversations/${conversationId}/messages`, { parts });
  const agent = await call("key", "POST", "/v1/agents", { name: "echo", echo: {} });
  const { body } = await call("key", "POST", "/v1/webhooks", { endpoint: { url: "https://hooks.example.com/" } });
  const endpointId = (body as { endpoint: { id: string } }).endpoint.id;
  await call("key", "POST", `/v1/webhooks/${endpointId}:pause`, {});
  ids = {
    endpoint_id: endpointId,
    file_id: fileId,
    conversation_id: conversationId,
    message_id: (sent.body as { id: string }).id,
    agent_id: (agent.body as { id: string }).id,
    member_id: "ann",
    tenant_id: tenantId,
  };
  // These are each caller's own.
  for (const reader of ["key", "ann", "bob"] as const) {
    const place = `/v1/conversations/${conversationId}`;
    await call(reader, "PUT", `${place}/draft`, { message: { content: `of ${reader}` } });
    const sendTime = new Date(Date.now() + 3_600_000).toISOString();
    const wish = { scheduledMessage: { message: { content: `of ${reader}` }, sendTime } };
    const scheduled = await call(reader, "POST", `${place}/scheduledMessages`, wish);
    own[reader] = { scheduled_message_id: (scheduled.body as { id: string }).id };
  }
});
afterAll(() => server.close());

async function call(
  reader: keyof typeof readers,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await fetch(server.url + path, {
    method,
    headers: { ...readers[reader], ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, tag: response.headers.get("etag") ?? "", text, body: text && JSON.parse(text) };
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly headers?: Readonly<Record<string, unknown>> }>>;
}

/** Every GET of the contract whose answer has a tag. */
const TAGGED = Object.entries(openapi.paths as Readonly<Record<string, { readonly get?: Operation }>>)
  .filter(([, { get }]) => get?.responses["200"]?.headers?.ETag !== undefined)
  .map(([path]) => path);

const placeOf = (path: string, reader: string) =>
  path.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => ({ ...ids, ...own[reader] })[name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)] ?? "",
  );

test("A14: the tags of every kind of resource are looked at", () => {
  expect(TAGGED.length).toBeGreaterThanOrEqual(5);
});

test.each(TAGGED)(
  "A14: GET %s gives a reader 304 for what this reader would see again, and for nothing else",
  async (path) => {
    const seen = new Map<string, string>();
    const all = path.includes("tenant") ? (["root"] as const) : (["key", "ann", "bob"] as const);
    for (const reader of all) {
      const { status, tag, text } = await call(reader, "GET", placeOf(path, reader));
      expect(status).toBe(200);
      expect(tag).not.toBe("");
      expect(seen.get(tag) ?? text).toBe(text);
      seen.set(tag, text);
    }
    for (const reader of all) {
      for (const [tag, text] of seen) {
        const again = await call(reader, "GET", placeOf(path, reader), undefined, { "if-none-match": tag });
        if (again.status === 304) expect((await call(reader, "GET", placeOf(path, reader))).text).toBe(text);
        else expect([again.status, again.text === text]).toEqual([200, false]);
      }
    }
  },
);

test("A14: what a reader has read of a conversation makes another tag of the same version", async () => {
  const path = placeOf("/v1/conversations/{conversation_id}", "ann");
  const [ann, bob] = [await call("ann", "GET", path), await call("bob", "GET", path)];
  expect([ann.body.memberView.unreadCount ?? 0, bob.body.memberView.unreadCount]).toEqual([0, 2]);
  expect((await call("bob", "GET", path, undefined, { "if-none-match": ann.tag })).status).toBe(200);
  await call("bob", "POST", `${path}:markRead`, { readSeq: bob.body.lastSeq });
  const read = await call("bob", "GET", path, undefined, { "if-none-match": bob.tag });
  expect([read.status, read.body.memberView.unreadCount ?? 0]).toEqual([200, 0]);
});

test.each([
  ["/v1/conversations/{conversation_id}", { title: "n" }],
  ["/v1/messages/{message_id}", { content: "n" }],
  ["/v1/agents/{agent_id}", { description: "n" }],
])("A14: PATCH %s takes the tag that any reader got, once", async (path, change) => {
  for (const reader of ["ann", "bob", "key"] as const) {
    const { tag } = await call(reader, "GET", placeOf(path, reader));
    const patch = async (value: string) =>
      (
        await call(
          "ann",
          "PATCH",
          placeOf(path, reader),
          { ...change, [Object.keys(change)[0] as string]: value },
          { "if-match": tag },
        )
      ).status;
    expect([await patch(`of ${reader}`), await patch("again")]).toEqual([200, 412]);
  }
});
