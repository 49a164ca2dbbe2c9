// What a write accepts reads back equal, over every wire form, whatever is in it.
import type { JsonObject, JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CallType, ConversationStatus } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageRole, type MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { MAX_STRUCT_BYTES } from "../../src/pipeline/validation/text-rules.ts";
import { transportOver, WIRE_FORMS, type WireForm } from "../support/calls/five-wires.ts";
import { anyCharacter } from "../support/random/any-character.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const RUNS = Number(process.env.READS_BACK_RUNS ?? 80);

let server: IdentityServer;
const clients = new Map<WireForm, ReturnType<typeof clientsOver>>();
beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  await tenant.addMember("ada");
  const { credential } = await tenant.key("read", "write");
  for (const wire of WIRE_FORMS) clients.set(wire, clientsOver(wire, { ...credential, "x-act-for": "ada" }));
});
afterAll(() => server.close());

function clientsOver(wire: WireForm, headers: Readonly<Record<string, string>>) {
  const transport = transportOver(wire, server.url, headers);
  return {
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
  };
}

/** Any text that the contract allows: all of Unicode but NUL and lone surrogates. */
const text = (maxLength: number) =>
  fc
    .string({
      unit: fc.oneof(fc.constantFrom(...'\u0001\u001f\u007f\u0085\u2028\ufeff\uffff"\\/é🙂'), anyCharacter),
      maxLength,
    })
    .map((value) => value.replaceAll("\0", ""));

const KEYS = ["__proto__", "constructor", "toString", "", ".", "a.b", "$", "é", "kind", "null"];
const NUMBERS = [-0, 1e308, -1e308, 5e-324, 0.1, 2 ** 53, -(2 ** 53) - 2, 1e21, 1e-7];
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.double({ noDefaultInfinity: true, noNaN: true }), fc.integer());

/** Names that JSON writes as they are, see {@link objectOf}. */
const plainName = text(8).filter((name) => JSON.stringify(name) === `"${name}"`);

const { json } = fc.letrec<{ json: JsonValue }>((tie) => ({
  json: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false),
    number,
    text(12),
    fc.array(tie("json"), { maxLength: 4 }),
    objectOf(tie("json")),
  ),
}));

/**
 * Objects with own properties of any name, `__proto__` too. Names that JSON has to escape are left out: V8's
 * JSON.parse, which the clients here use, reads some of them wrongly once it has seen another that begins like them
 * (nodejs/node#63785). The server does not, see below.
 */
function objectOf(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  return fc
    .uniqueArray(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), plainName), value), {
      selector: ([key]) => key,
      maxLength: 5,
    })
    .map((entries) => Object.fromEntries(entries) as JsonObject);
}

const struct = fc
  .option(objectOf(json), { nil: undefined })
  .filter((value) => value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_STRUCT_BYTES / 2);
const time = fc.option(
  fc.record({
    seconds: fc.bigInt({ min: -62135596800n, max: 253402300799n }),
    // The contract keeps it to the millisecond.
    nanos: fc.integer({ min: 0, max: 999 }).map((ms) => ms * 1_000_000),
  }),
  { nil: undefined },
);

const message = fc.record({
  role: fc.constantFrom(MessageRole.USER, MessageRole.ASSISTANT, MessageRole.SYSTEM, MessageRole.TOOL),
  content: text(60),
  metadata: struct,
  clientTime: time,
});

const entity = fc.oneof(
  fc.constant({ entityType: "", entityId: "" }),
  fc.record({ entityType: text(10), entityId: text(10) }).filter((one) => one.entityType !== "" && one.entityId !== ""),
);
const conversation = fc
  .record({
    title: text(40),
    status: fc.constantFrom(ConversationStatus.ACTIVE, ConversationStatus.ARCHIVED),
    mode: text(10),
    callType: fc.constantFrom(CallType.UNSPECIFIED, CallType.INBOUND, CallType.OUTBOUND, CallType.TRAINING),
    pinned: fc.boolean(),
    // 0 is the default, 20.
    maxContextLength: fc.integer({ min: 1, max: 1000 }),
    metadata: struct,
    persona: struct,
    profileInfo: struct,
  })
  .chain((rest) => entity.map((about) => ({ ...rest, ...about })));

const wire = fc.constantFrom(...WIRE_FORMS);

/**
 * The fields that were written as they were read, as text: own properties only, sorted. `-0` equals `0`, as in
 * JSON.stringify.
 */
function told(written: object, read: unknown = written): string {
  return spell(Object.fromEntries(Object.keys(written).map((name) => [name, (read as Record<string, unknown>)[name]])));
}

function spell(value: unknown): string {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "unset";
  if (Array.isArray(value)) return `[${value.map(spell)}]`;
  const entries = Object.entries(value).filter(([name]) => name !== "$typeName");
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${spell(inner)}`)}}`;
}

test(
  "a conversation and its messages",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        wire,
        conversation,
        fc.array(message, { minLength: 1, maxLength: 3 }),
        async (by, about, said) => {
          const writer = clients.get(by) as ReturnType<typeof clientsOver>;
          const { conversation: made } = await writer.conversations.createConversation({
            conversation: about,
            messages: said.slice(1) as MessageInitShape<typeof MessageSchema>[],
          });
          const conversationId = made?.id as string;
          const { message: sent } = await writer.messages.sendMessage({
            conversationId,
            message: said[0] as MessageInitShape<typeof MessageSchema>,
          });
          const inOrder = [...said.slice(1), ...said.slice(0, 1)];
          expect(told(about, made)).toBe(told(about));
          for (const [over, reader] of clients) {
            const { conversation: read } = await reader.conversations.getConversation({ conversationId });
            expect([over, told(about, read)]).toEqual([over, told(about)]);
            const { messages } = await reader.messages.listMessages({ conversationId });
            expect([over, ...messages.map((one, i) => told(inOrder[i] as object, one))]).toEqual([
              over,
              ...inOrder.map((one) => told(one)),
            ]);
            const { message: one } = await reader.messages.getMessage({ messageId: sent?.id as string });
            expect(spell(one)).toBe(spell(messages.at(-1)));
          }
        },
      ),
      { numRuns: RUNS },
    );
  },
  Math.max(120_000, 600 * RUNS),
);

test.each([
  ["REST", "/v1/conversations", "!"],
  ["Connect JSON", "/colloquy.v1.ConversationService/CreateConversation", " "],
])("names that JSON escapes come over %s as they are, whatever names came before", async (_, path, first) => {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write");
  const headers = { ...credential, "content-type": "application/json" };
  // Sent and compared as text: to parse them here would prove nothing.
  for (const metadata of [
    `{"${first}":[],"\\\\":0}`,
    `{"${first}":1,"\\"":2}`,
    `{"${first}a":[],"\\\\nx":0}`,
    `{"${first}a":1,"\\nxy":2}`,
  ]) {
    const body = `{"conversation":{"metadata":${metadata}}}`;
    const made = await (await fetch(server.url + path, { method: "POST", headers, body })).text();
    expect(made).toContain(`"metadata":${metadata}`);
    const id = /"id":"([^"]+)"/.exec(made)?.[1];
    const read = await (await fetch(`${server.url}/v1/conversations/${id}`, { headers })).text();
    expect(read).toContain(`"metadata":${metadata}`);
  }
});
