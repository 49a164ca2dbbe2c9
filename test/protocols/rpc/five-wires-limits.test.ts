// What no proper client would send, over every wire form: a breach of a limit is told alike wherever it can occur.
import { create, type JsonObject, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { StructSchema, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { CreateConversationRequestSchema } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { WIRE_FORMS, type WireForm } from "../../support/calls/five-wires.ts";
import { bodyOf, type RawAnswer, rawCall } from "../../support/calls/raw-call.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

const METHOD = "/colloquy.v1.ConversationService/CreateConversation";
const MiB = 1 << 20;

let server: IdentityServer;
let credential: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  ({ credential } = await tenant.key("write"));
});
afterAll(() => server.close());

/** The same for every wire form: the number of the code, and what `ErrorInfo` and `BadRequest` say. */
interface Told {
  readonly code: number;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly fields: readonly string[];
}

const CODES: Readonly<Record<string, number>> = { invalid_argument: 3, resource_exhausted: 8 };

async function tell(wire: WireForm, { json, proto }: Request): Promise<Told | undefined> {
  const body = wire === "Connect JSON" || wire === "REST" ? json : proto;
  if (body === undefined) return undefined;
  if (wire === "REST") return tellRest(body);
  const protocol = wire === "gRPC" ? "grpc" : wire === "gRPC-Web" ? "grpc-web" : "connect";
  return told(
    await rawCall(server.url, {
      path: METHOD,
      protocol,
      json: wire === "Connect JSON",
      headers: credential,
      body: bodyOf({ protocol }, body),
    }),
  );
}

function told({ code = "0", reason, message, fields }: RawAnswer): Told {
  return { code: CODES[code] ?? Number(code), reason, message: code === "0" ? "" : message, fields };
}

async function tellRest(body: Uint8Array): Promise<Told> {
  const headers = { ...credential, "content-type": "application/json" };
  const response = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers, body: Buffer.from(body) });
  if (response.ok) return { code: 0, reason: undefined, message: "", fields: [] };
  const { code, message, details } = (await response.json()) as {
    code: number;
    message: string;
    details: JsonObject[];
  };
  const violations = (details[1]?.fieldViolations ?? []) as { field?: string }[];
  return { code, reason: details[0]?.reason as string, message, fields: violations.map(({ field = "" }) => field) };
}

interface Request {
  /** Undefined: JSON cannot say it. */
  readonly json?: Uint8Array;
  /** Undefined: Protobuf cannot say it. */
  readonly proto?: Uint8Array;
}

interface Breach extends Request {
  readonly name: string;
  /** What every wire form answers, and those of one encoding where only they can. */
  readonly told: { code: number; reason?: string; fields?: string[] };
  /** Where it differs: the wire form that reads it otherwise. */
  readonly except?: Partial<Record<WireForm, { code: number; reason?: string; fields?: string[] }>>;
}

const text = (json: string) => Buffer.from(json);
const jsonOf = (conversation: JsonObject) => text(JSON.stringify({ conversation }));
const protoOf = (conversation: Parameters<typeof create<typeof ConversationSchema>>[1]) =>
  toBinary(
    CreateConversationRequestSchema,
    create(CreateConversationRequestSchema, { conversation: conversation as never }),
  );
/** A request whose conversation is these bytes. */
const protoWith = (write: (writer: BinaryWriter) => BinaryWriter) =>
  new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(write(new BinaryWriter()).finish()).finish();
const bothOf = (conversation: JsonObject): Request => ({
  json: jsonOf(conversation),
  proto: protoOf(conversation as never),
});

/** `{"a": {"a": … 1}}` of so many objects. */
function deep(levels: number): JsonObject {
  let value: JsonValue = 1;
  for (let i = 0; i < levels; i++) value = { a: value };
  return value as JsonObject;
}

/** The same as wire bytes of a Struct, which the library would write by recursion. */
function deepBytes(levels: number): Uint8Array {
  let value: Uint8Array = toBinary(ValueSchema, create(ValueSchema, { kind: { case: "numberValue", value: 1 } }));
  for (let i = levels; i > 0; i--) {
    const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string("a").tag(2, WireType.LengthDelimited);
    const struct = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry.bytes(value).finish()).finish();
    if (i === 1) return struct;
    value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(struct).finish();
  }
  return value;
}

const metadataBytes = (struct: Uint8Array) =>
  protoWith((writer) => writer.tag(ConversationSchema.field.metadata.number, WireType.LengthDelimited).bytes(struct));
const structWith = (value: Partial<Value>) =>
  toBinary(StructSchema, create(StructSchema, { fields: { a: create(ValueSchema, value as never) } } as never));

const INVALID = { code: 3, reason: "INVALID_FIELD" };
const MALFORMED = { code: 3, reason: "MALFORMED_BODY", fields: [] };
const FINE = { code: 0, fields: [] };

const BREACHES: Breach[] = [
  {
    name: "a title of 501 characters",
    ...bothOf({ title: "🙂".repeat(501) }),
    told: { ...INVALID, fields: ["conversation.title"] },
  },
  {
    name: "two fields too long at once",
    ...bothOf({ title: "x".repeat(501), mode: "x".repeat(101) }),
    told: { ...INVALID, fields: ["conversation.title", "conversation.mode"] },
  },
  { name: "a NUL in a text", ...bothOf({ title: "a\0b" }), told: { ...INVALID, fields: ["conversation.title"] } },
  {
    name: "a NUL in metadata",
    ...bothOf({ metadata: { "k\0": 1 } }),
    told: { ...INVALID, fields: ['conversation.metadata["k?"]'] },
  },
  {
    name: "half of a surrogate pair, escaped",
    json: text('{"conversation":{"title":"\\ud800"}}'),
    told: { ...INVALID, fields: ["conversation.title"] },
  },
  {
    name: "half of a surrogate pair in a name within metadata",
    json: text('{"conversation":{"metadata":{"\\udc00":1}}}'),
    told: { ...INVALID, fields: ['conversation.metadata["\ufffd"]'] },
  },
  {
    name: "half of a surrogate pair, as bytes",
    json: Buffer.concat([text('{"conversation":{"title":"'), Buffer.from([0xed, 0xa0, 0x80]), text('"}}')]),
    proto: protoWith((writer) => writer.tag(3, WireType.LengthDelimited).bytes(Uint8Array.of(0xed, 0xa0, 0x80))),
    told: MALFORMED,
  },
  {
    name: "metadata of 32 levels",
    json: jsonOf({ metadata: deep(32) }),
    proto: metadataBytes(deepBytes(32)),
    told: FINE,
  },
  {
    name: "metadata of 33 levels",
    json: jsonOf({ metadata: deep(33) }),
    proto: metadataBytes(deepBytes(33)),
    told: { ...INVALID, fields: [`conversation.metadata${".a".repeat(32)}`] },
  },
  {
    name: "metadata of 300 levels",
    json: jsonOf({ metadata: deep(300) }),
    proto: metadataBytes(deepBytes(300)),
    told: MALFORMED,
  },
  {
    name: "metadata of more than 16 KiB",
    ...bothOf({ metadata: { a: "ü".repeat(8 * 1024) } }),
    told: { ...INVALID, fields: ["conversation.metadata"] },
  },
  {
    name: "a number past the range of a double",
    json: text('{"conversation":{"metadata":{"a":1e400}}}'),
    proto: metadataBytes(structWith({ kind: { case: "numberValue", value: Number.POSITIVE_INFINITY } })),
    told: { ...INVALID, fields: ["conversation.metadata.a"] },
  },
  {
    name: "NaN",
    proto: metadataBytes(structWith({ kind: { case: "numberValue", value: Number.NaN } })),
    told: { ...INVALID, fields: ["conversation.metadata.a"] },
  },
  {
    name: "an enum number that is not declared",
    json: text('{"conversation":{"callType":99}}'),
    proto: protoOf({ callType: 99 as never }),
    told: { ...INVALID, fields: ["conversation.call_type"] },
  },
  {
    name: "a body of more than 4 MiB",
    json: jsonOf({ title: "x".repeat(4 * MiB) }),
    proto: protoOf({ title: "x".repeat(4 * MiB) }),
    told: { code: 8, reason: "TOO_LARGE", fields: [] },
  },
  { name: "JSON that breaks off", json: text('{"conversation":{"title":"a"'), told: MALFORMED },
  { name: "JSON that is none", json: text("title=a"), told: MALFORMED },
  {
    name: "a list in place of an object",
    json: text("[]"),
    told: MALFORMED,
    except: { REST: { ...INVALID, fields: [""] } },
  },
  // Generated clients send no such JSON. Who writes it by hand calls over REST, and is told where it went wrong.
  {
    name: "a field that does not exist",
    json: text('{"conversation":{"titel":"a"}}'),
    proto: protoWith((writer) => writer.tag(999, WireType.LengthDelimited).string("a")),
    told: FINE,
    except: { REST: { ...INVALID, fields: ["conversation.titel"] } },
  },
  {
    name: "a value of the wrong type",
    json: text('{"conversation":{"title":5}}'),
    told: { ...INVALID, fields: ["conversation.title"] },
  },
];

describe.each(BREACHES.map((breach) => [breach.name, breach] as const))(
  "%s",
  (_, { told, except = {}, ...request }) => {
    test("is told alike", async () => {
      const answers = new Map<WireForm, Told>();
      for (const wire of WIRE_FORMS) {
        const answer = await tell(wire, request);
        if (answer !== undefined) answers.set(wire, answer);
      }
      for (const [wire, answer] of answers)
        expect({ wire, ...answer }).toMatchObject({ wire, ...(except[wire] ?? told) });
      const messages = [...answers].filter(([wire]) => except[wire] === undefined).map(([, { message }]) => message);
      if (told.reason !== "MALFORMED_BODY") expect(new Set(messages).size).toBe(1);
    });
  },
);

test("deep JSON holds up nobody else, whatever wire it comes over", async () => {
  const body = text(`{"conversation":{"metadata":{"a":${"[".repeat(2 * MiB - 40)}${"]".repeat(2 * MiB - 40)}}}}`);
  for (const wire of ["Connect JSON", "REST"] as const) {
    expect(await tell(wire, { json: body })).toEqual({
      ...MALFORMED,
      message: "the body must be nested at most 256 levels deep",
    });
  }
  for (const protocol of ["grpc", "grpc-web"] as const) {
    const call = { path: METHOD, protocol, json: true, headers: credential, body: bodyOf({ protocol }, body) };
    expect(told(await rawCall(server.url, call))).toEqual({
      ...MALFORMED,
      message: "the body must be nested at most 256 levels deep",
    });
  }
});
