// The document against the server: every answer is what the document says, and clients made from it work.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type {
  Response as Described,
  Json,
  OpenApiDocument,
  Operation,
  Schema,
} from "../../../../scripts/openapi/index.ts";
import { callEverything, operationsOf, runClient, successOf } from "../../../support/calls/openapi-client.ts";
import { createCheck } from "../../../support/calls/openapi-schema.ts";
import { layOut } from "../../../support/calls/rest-transport.ts";
import { createWorld, WIRE_CASES, type WireCase, type World } from "../../../support/calls/wire-cases.ts";
import { ownServices } from "../../../support/servers/contract.ts";
import { type IdentityServer, startIdentityServer } from "../../../support/servers/identity-server.ts";

const written = readFileSync(join(import.meta.dirname, "../../../../gen/openapi/openapi.json"), "utf8");
const document = JSON.parse(written) as OpenApiDocument;
const check = createCheck(document);
const operations = new Map(operationsOf(document).map(({ operation }) => [operation.operationId, operation]));
const methods: ReadonlyMap<string, DescMethod> = new Map(
  ownServices.flatMap((service) =>
    service.methods.map((method) => [`${service.name}.${method.name}`, method] as const),
  ),
);

let server: IdentityServer;
let world: World;
beforeAll(async () => {
  server = await startIdentityServer();
  world = await createWorld(server);
});
afterAll(() => server.close());

function operationOf({ rpc }: WireCase): Operation {
  const operation = operations.get(rpc.replace(".", "_"));
  if (operation === undefined) throw new Error(`the document does not describe ${rpc}`);
  return operation;
}

/** What the document says of an answer with a status. */
function describedAnswer({ responses }: Operation, status: number): Described {
  const response = responses[status];
  if (response === undefined) throw new Error(`the document does not say that it may answer ${status}`);
  if (!("$ref" in response)) return response;
  return document.components?.responses?.[response.$ref.split("/").at(-1) as string] as Described;
}

/** What is wrong with an answer by the document. */
function faultsOf(operation: Operation, status: number, type: string, body: string): string[] {
  const { content } = describedAnswer(operation, status);
  // Bytes as they are have no schema to hold to.
  if (content?.["*/*"] !== undefined) return [];
  // Such as the beginning of an upload: its headers say all.
  if (content === undefined && ["null", '""', "{}"].includes(body)) return [];
  const media = content?.[type];
  if (media?.schema === undefined) return [`the document does not say that ${status} may come as ${type}`];
  if (type === "application/json") return check(media.schema, JSON.parse(body) as Json);
  const lines = body.split("\n").filter((line) => line !== "");
  const item = itemOf(media.schema);
  return lines.length === 0 ? ["no line came"] : lines.flatMap((line) => check(item, JSON.parse(line) as Json));
}

/** The schema of one line of a stream. */
function itemOf({ contentSchema }: Schema): Schema {
  return (contentSchema as Schema).items as Schema;
}

describe.each(
  WIRE_CASES.filter(({ take }) => take === undefined).map(
    (one) => [one.name === undefined ? one.rpc : `${one.rpc} ${one.name}`, one] as const,
  ),
)("%s", (_, one) => {
  test("is asked and answered as the document says", async () => {
    const operation = operationOf(one);
    const [request = {}] = await one.requests(world);
    const { verb, path, body: said, rawType } = layOut(methods.get(one.rpc) as DescMethod, request);
    const body = rawType === undefined ? said : Buffer.from(said ?? "", "base64");
    const { content } = operation.requestBody ?? {};
    const asked = content?.["application/json"]?.schema;
    const bytes = content?.["*/*"] ?? content?.["application/octet-stream"];
    expect(bytes === undefined).toBe(rawType === undefined);
    expect(asked === undefined && rawType === undefined).toBe(body === undefined);
    if (asked !== undefined) expect(check(asked, JSON.parse(body as string) as Json)).toEqual([]);
    const stream = successOf(operation).types.includes("application/x-ndjson");
    const response = await fetch(server.url + path, {
      method: verb,
      headers: {
        ...world[one.as ?? "admin"],
        ...(body !== undefined && { "content-type": rawType ?? "application/json" }),
        ...(stream && { accept: "application/x-ndjson" }),
      },
      body: body ?? null,
    });
    const text = await response.text();
    const type = response.headers.get("content-type")?.split(";")[0] ?? "";
    expect(faultsOf(operation, response.status, type, text)).toEqual([]);
    const headers = Object.keys(describedAnswer(operation, response.status).headers ?? {});
    expect(response.headers.get("x-request-id")).toBeTruthy();
    expect(response.headers.has("etag")).toBe(headers.includes("ETag"));
    expect(response.headers.has("location")).toBe(headers.includes("Location"));
    if (one.fails === undefined) expect(response.status).toBe(successOf(operation).status);
  });
});

test("a client made from the document calls every operation and understands every answer", async () => {
  const key = await world.tenant.key("read", "write", "admin");
  const outcome = await runClient(document, callEverything(document, key.credential), [server.url]);
  expect(outcome.kind === "refused" ? outcome.errors : "").toBe("");
  const results = outcome.kind === "ran" ? (JSON.parse(outcome.output) as [string, number, JsonObject][]) : [];
  expect(results.length).toBeGreaterThan(45);
  for (const [id, status, data] of results) {
    const operation = operations.get(id) as Operation;
    expect([id, status, faultsOf(operation, status, "application/json", JSON.stringify(data))]).toEqual([
      id,
      status,
      [],
    ]);
  }
}, 120_000);

const TALK = `import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
declare const process: { argv: string[] };
declare const console: { log(text: string): void };
const [, , baseUrl = "", key = ""] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { "X-API-Key": key } });
const created = await client.POST("/v1/conversations", { body: { conversation: { title: "Typed", metadata: { a: [1] } } } });
const conversationId = created.data?.id ?? "";
const path = { conversationId };
for (const content of ["one", "two", "three"]) {
  await client.POST("/v1/conversations/{conversationId}/messages", { params: { path }, body: { content } });
}
const page = await client.GET("/v1/conversations/{conversationId}/messages", { params: { path, query: { pageSize: 2 } } });
const query = { pageSize: 2, pageToken: page.data?.nextPageToken ?? "" };
const rest = await client.GET("/v1/conversations/{conversationId}/messages", { params: { path, query } });
const stale = await client.PATCH("/v1/conversations/{conversationId}", {
  params: { path, query: { updateMask: "title" }, header: { "If-Match": '"stale"' } },
  body: { title: "Never" },
});
const reason = stale.error?.details?.map((detail) => ("reason" in detail ? detail.reason : undefined))[0];
const texts = [...(page.data?.messages ?? []), ...(rest.data?.messages ?? [])].map((message) => message.content);
console.log(JSON.stringify({ title: created.data?.title, texts, status: stale.response.status, reason }));
`;

test("a program with types from the document creates, sends, pages and is told of a conflict", async () => {
  const key = await world.tenant.key("read", "write");
  const outcome = await runClient(document, TALK, [server.url, key.text]);
  expect(outcome.kind === "refused" ? outcome.errors : "").toBe("");
  expect(outcome.kind === "ran" ? JSON.parse(outcome.output) : undefined).toEqual({
    title: "Typed",
    texts: ["one", "two", "three"],
    status: 412,
    reason: "ETAG_MISMATCH",
  });
}, 120_000);
