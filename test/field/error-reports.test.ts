// F-ERRORS: what users of other products reported about the errors of their APIs, tried on ours.
import { create, type DescMethod, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationSchema } from "../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService, CreateConversationRequestSchema } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { bodyOf, type RawAnswer, type RawCall, rawCall } from "../support/calls/raw-call.ts";
import { sendHttp } from "../support/servers/dialect-server.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
let id: string;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  id = (await rest("POST", "/v1/conversations", { conversation: {} })).json.id;
});
afterAll(() => server.close());

const rest = (method: string, path: string, body?: unknown) =>
  sendHttp(server.url + path, method, { body, credential: key });

const { createConversation, updateConversation } = ConversationService.method;
const pathOf = ({ parent, name }: DescMethod) => `/${parent.typeName}/${name}`;

/** A call whose body is JSON written by hand, as browsers and curl send it. */
function byHand(method: DescMethod, text: string, protocol: RawCall["protocol"] = "connect"): Promise<RawAnswer> {
  const body = bodyOf({ protocol }, Buffer.from(text));
  return rawCall(server.url, { path: pathOf(method), protocol, json: true, headers: key, body });
}

const violationsOf = (json: JsonObject) =>
  (json.details as JsonObject[]).flatMap((detail) => (detail.fieldViolations as JsonObject[] | undefined) ?? []);

describe("a value of another type", () => {
  // connectrpc/vanguard-go#98, dotnet/aspnetcore#49196, envoyproxy/envoy#3383: details got lost on the way to one wire.
  test.each(["connect", "grpc", "grpc-web"] as const)(
    "has the same reason and field over %s as over REST",
    async (wire) => {
      const text = '{"conversation":{"title":5}}';
      const { json } = await rest("POST", "/v1/conversations", JSON.parse(text));
      expect(violationsOf(json)).toEqual([
        { field: "conversation.title", description: "must be a string", reason: "JSON_TYPE" },
      ]);
      expect(await byHand(createConversation, text, wire)).toMatchObject({
        reason: "INVALID_FIELD",
        message: "conversation.title: must be a string",
        fields: ["conversation.title"],
      });
    },
  );

  // marshmallow-code/webargs#34, pods-framework/pods#757: which of several was it?
  test("is named with the others that do not fit", async () => {
    const text = '{"conversation":{"title":5,"pinned":"yes","labels":[]}}';
    const fields = ["conversation.title", "conversation.pinned", "conversation.labels"];
    expect(await byHand(createConversation, text)).toMatchObject({ reason: "INVALID_FIELD", fields });
    const { json } = await rest("POST", "/v1/conversations", JSON.parse(text));
    expect(violationsOf(json).map(({ field }) => field)).toEqual(fields);
  });
});

describe("a name that no field has", () => {
  const refused = async (body: object) => (await rest("POST", "/v1/conversations", body)).json.message;

  // zalando-nakadi/nakadi-ui#113, europace/baufismart-kundenangaben-api#105: a field in the wrong place was let in.
  test("is refused with the place where it belongs", async () => {
    expect(await refused({ title: "a" })).toBe(
      "title: is not a field of CreateConversationRequest (did you mean conversation.title?)",
    );
  });

  // CDCgov/prime-reportstream#1919, symfony/webpack-encore#150: and so is a misspelled one, with the name that was
  // meant.
  test.each([
    ["titel", "title"],
    ["entity_typ", "entity_type"],
    ["maxContextLenght", "max_context_length"],
    ["Pinned", "pinned"],
  ])("%s: %s was meant", async (name, meant) => {
    expect(await refused({ conversation: { [name]: null } })).toContain(
      `is not a field of Conversation (did you mean ${meant}?)`,
    );
  });

  test.each(["zzz", "x", "t".repeat(200)])("%s: nothing is guessed", async (name) => {
    expect(await refused({ conversation: { [name]: null } })).toMatch(/: is not a field of Conversation$/);
  });
});

// ahx/openapi_first#113, cdimascio/express-openapi-validator#83, json-everything/json-everything#441.
describe("a value that no enum has is refused with those that it has", () => {
  test("in a body, by name", async () => {
    const { json } = await rest("POST", "/v1/conversations", { conversation: { callType: "FAX" } });
    expect(json.message).toBe(`conversation.call_type: must be one of ${callTypes()}`);
  });
  test("in a body, by number", async () => {
    const { message } = await byHand(createConversation, '{"conversation":{"callType":77}}');
    expect(message).toBe(`conversation.call_type: must be one of ${callTypes()}`);
  });
  test("in a query", async () => {
    const { json } = await rest("GET", "/v1/conversations?call_type=FAX");
    expect(json.message).toBe(`call_type: must be one of ${callTypes()}, by name or number`);
  });
  const callTypes = () => {
    const field = ConversationSchema.field.callType;
    const names = field.enum?.values.filter(({ number }) => number > 0).map(({ name }) => name) ?? [];
    expect(names.length).toBeGreaterThan(1);
    return names.join(", ");
  };
});

describe("a mask", () => {
  // grpc-ecosystem/grpc-gateway#4134: in a query, in either form.
  test.each(["max_context_length", "maxContextLength"])("%s is taken in a query", async (mask) => {
    const path = `/v1/conversations/${id}?updateMask=${mask}`;
    const { status, json } = await rest("PATCH", path, { maxContextLength: mask.length });
    expect([status, json.maxContextLength]).toEqual([200, mask.length]);
  });

  // grpc-ecosystem/grpc-gateway#2239, golang/protobuf#1273: in JSON of the contract it is one text, and says so.
  test.each(['{"paths":["title"]}', '"entity_type"', '["title"]'])("%s is refused in words", async (mask) => {
    const text = `{"conversation":{"id":"${id}","title":"a"},"updateMask":${mask}}`;
    expect(await byHand(updateConversation, text)).toMatchObject({
      reason: "INVALID_FIELD",
      message: "update_mask: must be field names in lowerCamelCase with commas between them",
    });
  });

  // apple/swift-protobuf#2114: characters that no path has went through.
  test.each(["ti-tle", "a/b", "title title", "*", "title,,agent"])("%s is refused", async (mask) => {
    const { status, json } = await rest("PATCH", `/v1/conversations/${id}?update_mask=${encodeURIComponent(mask)}`, {
      title: "a",
    });
    expect([status, json.message]).toEqual([400, "update_mask: must be field paths separated by commas"]);
  });
});

// typedb/typedb#5238, envoyproxy/envoy#9785, lakehq/sail#1488: gRPC clients take 8 KiB of trailers, and lost the error.
test("an error with many broken rules fits into the trailers that gRPC clients take", async () => {
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`${i}${"Ä".repeat(200)}`, "x"]));
  const answer = await byHand(createConversation, JSON.stringify({ conversation: { labels } }), "grpc");
  expect(answer.fields.length).toBeGreaterThan(1);
  // As HTTP/2 counts them: 32 for each.
  const bytes = Object.entries(answer.headers).map(([name, value]) => name.length + `${value}`.length + 32);
  expect(bytes.reduce((sum, one) => sum + one)).toBeLessThan(8 * 1024);
});

// FlowiseAI/Flowise#5379, voipbin/monorepo#955, fancyboi999/open-tag#185: an id that is none was a 500, with the SQL.
describe("an id that cannot be", () => {
  const get = (id: string) => rest("GET", `/v1/conversations/${id}`);
  test.each([
    "xyz",
    "00000000-0000-0000-0000-000000000099",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "agent-reply:a:b",
    "1",
    "%27%3Bdrop",
    "%F0%9F%91%8B",
  ])("%s is not found, as any other", async (bad) => {
    expect(await get(bad)).toMatchObject({
      status: 404,
      json: { code: 5, message: "conversation not found", details: [{ reason: "NOT_FOUND" }] },
    });
  });
});

// OperationCode/resources_api#121, oblien/openship#104, open-wanderer/wanderer#1196: HTML, or a 500.
test.each([
  ["POST", "/v1/conversations", '{"conversation":{}', 400],
  ["POST", "/v1/conversations", "", 201],
  ["GET", "/v1/nothing/here", undefined, 404],
  ["GET", "/nothing", undefined, 404],
  ["DELETE", "/v1/conversations", undefined, 405],
])("%s %s %j is answered in JSON with %i", async (method, path, body, status) => {
  const headers = { ...key, ...(body !== undefined && { "content-type": "application/json" }) };
  const answer = await fetch(server.url + path, { method, headers, ...(body !== undefined && { body }) });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/json"]);
  expect(await answer.json()).toBeTypeOf("object");
});

// open-webui/open-webui#26374, HelgeSverre/fsdb#19, terminusdb/terminusdb#1631: what went wrong inside was told.
test("an error from inside says nothing of the inside, on any wire", async () => {
  const secret = "relation secret_table does not exist at /srv/colloquy/x.ts:1";
  const query = server.database.query.bind(server.database);
  const broken = () => Promise.reject(new Error(secret));
  server.database.query = broken as typeof query;
  try {
    const message = toBinary(CreateConversationRequestSchema, create(CreateConversationRequestSchema, {}));
    for (const protocol of ["connect", "grpc", "grpc-web"] as const) {
      const body = bodyOf({ protocol }, message);
      const path = pathOf(MessageService.method.getMessage);
      const answer = await rawCall(server.url, { path, protocol, headers: key, body });
      expect(JSON.stringify(answer) + answer.body.toString("latin1")).not.toContain("secret_table");
    }
  } finally {
    server.database.query = query;
  }
});
