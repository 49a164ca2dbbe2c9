// A10: what a key that may write and not read is answered is at most what it wrote, and the reply of a turn that it
// began.
import { randomUUID } from "node:crypto";
import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ruleOf } from "../../src/domain/identity/permissions.ts";
import { callMethod, transportOver, WIRE_FORMS } from "../support/calls/five-wires.ts";
import { createWorld, WIRE_CASES, type World } from "../support/calls/wire-cases.ts";
import { ownServices } from "../support/servers/contract.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let world: World;
/** Acts for ada. */
let writer: Credential;
let forNobody: Credential;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "crm/crm,callcenter/cc,helpdesk/hd" } });
  world = await createWorld(server);
  forNobody = (await world.tenant.key("write")).credential;
  writer = { ...forNobody, "x-act-for": "ada" };
});
afterAll(() => server.close());

const methods: ReadonlyMap<string, DescMethod> = new Map(
  ownServices.flatMap(({ name, methods: all }) => all.map((method) => [`${name}.${method.name}`, method] as const)),
);
const isWrite = (method: DescMethod) => ruleOf(method).scope === "write";

const CONTENT = new Set([
  "title",
  "content",
  "metadata",
  "persona",
  "profileInfo",
  "text",
  "description",
  "instructions",
  "reaction",
]);

/** Every piece of content in an answer, as JSON. */
function contentIn(json: JsonValue, name = ""): string[] {
  if (CONTENT.has(name)) return json === "" || json === null ? [] : [JSON.stringify(json)];
  if (Array.isArray(json)) return json.flatMap((item) => contentIn(item));
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) => contentIn(value, key));
}

const cases = WIRE_CASES.filter(({ rpc, fails }) => fails === undefined && isWrite(methods.get(rpc) as DescMethod));
const walked = cases.flatMap((one) =>
  WIRE_FORMS.map((form) => ({ ...one, form, label: `${one.rpc} ${one.name ?? ""}` })),
);

test("A10: the walk has every mutation that the scope write allows", () => {
  const all = [...methods].filter(([, method]) => isWrite(method)).map(([name]) => name);
  expect([...new Set(cases.map(({ rpc }) => rpc))].sort()).toEqual(all.sort());
});

describe("a mutation", () => {
  test.each(walked)("A10: $label over $form tells what was written at most", async ({ rpc, requests, form, take }) => {
    const method = methods.get(rpc) as DescMethod;
    const sent = await requests(world);
    const caller = ruleOf(method).keysOnly ? forNobody : writer;
    const outcome = await callMethod(transportOver(form, server.url, caller), method, sent, take);
    const reply = method.name === "Chat" ? contentIn(sent).map((text) => text) : [];
    const allowed = new Set([...contentIn(sent), ...reply]);
    // What the agent says in a turn that the caller has begun is its own.
    const messages =
      method.name === "Regenerate"
        ? outcome.messages.filter((answer) => "started" in (answer as object))
        : outcome.messages;
    const told = contentIn(messages as JsonValue).filter((text) => !allowed.has(text));
    // The parts of a reply are pieces of what the echo agent was told.
    const foreign =
      method.name === "Chat" ? told.filter((t) => ![...allowed].some((a) => a.includes(t.slice(1, -1)))) : told;
    expect([outcome.error, foreign]).toEqual([undefined, []]);
  });

  const nothing: readonly (readonly [name: string, rpc: string, change: (c: string, m: string) => JsonObject])[] = [
    [
      "an empty mask",
      "ConversationService.UpdateConversation",
      (c) => ({ conversationId: c, updateMask: {}, conversation: {} }),
    ],
    [
      "the pin that it has",
      "ConversationService.UpdateConversation",
      (c) => ({ conversationId: c, conversation: { pinned: false } }),
    ],
    [
      "the role that it has",
      "MessageService.UpdateMessage",
      (_, m) => ({ messageId: m, message: { role: "MESSAGE_ROLE_USER" } }),
    ],
    ["a mark", "ParticipantService.MarkRead", (c) => ({ conversationId: c, seq: "1" })],
  ];
  test.each(nothing)("A10: that changes nothing (%s, %s) tells nothing", async (_, rpc, change) => {
    const { parent, name } = methods.get(rpc) as DescMethod;
    const conversationId = await world.conversation({ title: "Secret", messages: 1 });
    const messageId = await world.message("Secret");
    const response = await fetch(`${server.url}/${parent.typeName}/${name}`, {
      method: "POST",
      headers: { ...writer, "content-type": "application/json" },
      body: JSON.stringify(change(conversationId, messageId)).replace('"updateMask":{}', '"updateMask":"pinned"'),
    });
    const text = await response.text();
    expect([response.status, text]).toEqual([200, expect.not.stringMatching(/Secret|message 1/)]);
  });

  test("A10: a repeat of another's answer under one request id tells no more", async () => {
    const reader = { ...(await world.tenant.key("read", "write")).credential, "x-act-for": "ada" };
    const conversationId = await world.conversation({ title: "Secret" });
    const key = { "idempotency-key": randomUUID(), "content-type": "application/json" };
    const restore = async (as: Credential) => {
      const url = `${server.url}/v1/conversations/${conversationId}`;
      return await (await fetch(url, { method: "PATCH", headers: { ...as, ...key }, body: '{"pinned":true}' })).text();
    };
    expect(await restore(reader)).toContain("Secret");
    expect(await restore(writer)).not.toContain("Secret");
    expect(await restore(writer)).not.toContain("Secret");
  });
});

describe("a dialect", () => {
  const send = async (verb: string, path: string, body?: JsonObject) => {
    const headers = { ...writer, ...(body && { "content-type": "application/json" }) };
    const response = await fetch(server.url + path, {
      method: verb,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    return [response.status, await response.text()] as const;
  };

  test("A10: crm tells the turn alone, as one answer and as events, and nothing of what it deletes", async () => {
    const { name } = await world.agent();
    const id = await world.conversation({ title: "Secret", messages: 3, agent: name });
    const [status, text] = await send("POST", `/crm/v1/conversation/${id}/chat`, { message: "Mine" });
    expect([status, JSON.parse(text).messages.map(({ content }: { content: string }) => content)]).toEqual([
      200,
      ["Mine", "Mine"],
    ]);
    for (const [verb, path] of [
      ["DELETE", `/crm/v1/message/${await world.message("Secret")}`],
      ["DELETE", `/crm/v1/conversation/${id}`],
      ["PATCH", `/crm/v1/conversation/${id}/restore`],
      ["DELETE", `/crm/v1/conversation/${id}/messages`],
      ["PATCH", `/crm/v1/conversation/${id}/message/restore-all`],
    ] as const) {
      const answer = await send(verb, path);
      expect(answer).toEqual([200, expect.not.stringMatching(/Secret|message \d of/)]);
    }
  });

  test("A10: callcenter and helpdesk tell what the request held", async () => {
    const id = await world.conversation({ title: "Secret", messages: 2 });
    const put = await send("PUT", `/cc/conversations/${id}`, { call_type: "inbound" });
    expect(put).toEqual([200, expect.not.stringMatching(/Secret|message \d of/)]);
    await world.tenant.addMember("77");
    const [, made] = await send("POST", "/hd/api/conversations", { user_id: 77, agent: "a", title: "Secret" });
    const number = JSON.parse(made).data.id;
    const changed = await send("PUT", `/hd/api/conversations/${number}`, { agent: "b" });
    expect(changed).toEqual([200, expect.not.stringContaining("Secret")]);
    expect((await send("PUT", `/hd/api/conversations/${number}`, { title: "Secret" }))[1]).toContain("Secret");
  });
});
