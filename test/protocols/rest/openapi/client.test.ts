// A typed client made from a document: it compiles, it works against a server, and it refuses what is wrong.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Json, OpenApiDocument } from "../../../../scripts/openapi/index.ts";
import { callEverything, operationsOf, runClient, successOf } from "../../../support/calls/openapi-client.ts";
import { createCheck } from "../../../support/calls/openapi-schema.ts";
import { catalogDocument } from "../../../support/servers/catalog.ts";
import { startIdentityServer } from "../../../support/servers/identity-server.ts";

const written = join(import.meta.dirname, "../../../../gen/openapi/openapi.json");
const documents: [string, OpenApiDocument][] = [
  ["catalog", catalogDocument()],
  ["contract", JSON.parse(readFileSync(written, "utf8")) as OpenApiDocument],
];

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers every operation with its example, if the body that came is what the document asks for. */
async function serve(document: OpenApiDocument): Promise<string> {
  const check = createCheck(document);
  const routes = operationsOf(document).map(({ method, path, operation }) => {
    const pattern = path.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]*\}/g, "[^/:]+");
    return { method: method.toUpperCase(), pattern: new RegExp(`^${pattern}$`), operation };
  });
  server = createServer(async (request, response) => {
    const [path = ""] = (request.url ?? "").split("?");
    const route = routes.find(({ method, pattern }) => method === request.method && pattern.test(path));
    const schema = route?.operation.requestBody?.content["application/json"]?.schema;
    const faults = schema === undefined ? [] : check(schema, await bodyOf(request));
    if (route === undefined || faults.length > 0) {
      response
        .writeHead(400, { "content-type": "application/json" })
        .end(JSON.stringify({ code: 3, message: faults.join() }));
      return;
    }
    const { status, example } = successOf(route.operation);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(status === 204 ? undefined : JSON.stringify(example));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Json;
}

describe.each(documents)("a client of the %s", (_, document) => {
  test("calls every operation with the document's examples and gets its answers", async () => {
    const outcome = await runClient(document, callEverything(document), [await serve(document)]);
    expect(outcome.kind === "refused" ? outcome.errors : "").toBe("");
    const results = outcome.kind === "ran" ? (JSON.parse(outcome.output) as [string, number, Json][]) : [];
    const expected = operationsOf(document)
      .filter(
        ({ operation: { requestBody } }) => requestBody === undefined || "application/json" in requestBody.content,
      )
      .filter(({ operation }) => successOf(operation).types.every((type) => type === "application/json"))
      .map(({ operation }) => [
        operation.operationId,
        successOf(operation).status,
        successOf(operation).example ?? null,
      ]);
    expect(expected.length).toBeGreaterThan(5);
    expect(results).toEqual(expected);
  }, 120_000);
});

test("a client that leaves out a required field, or reads one that is not there, does not compile", async () => {
  const outcome = await runClient(
    catalogDocument(),
    `import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
const client = createClient<paths>({ baseUrl: "" });
const { data } = await client.POST("/v1/books", { body: { title: "A", genre: "GENRE_NOVEL" } });
const id: string | undefined = data?.id;
const none = data?.none;
`,
    [],
  );
  expect(
    outcome.kind === "refused" ? outcome.errors.split("\n").filter((line) => line.startsWith("main.ts")) : [],
  ).toEqual([
    expect.stringMatching(/^main\.ts\(4,\d+\): error TS2322/),
    expect.stringMatching(/^main\.ts\(6,\d+\): error TS2339: Property 'none' does not exist/),
  ]);
}, 120_000);

test("Effect-TS/effect#8204, inventree/InvenTree#12298: a generated client uploads a file as it is, as a form, and in pieces", async () => {
  await using own = await startIdentityServer();
  const tenant = await own.tenant();
  const { authorization = "" } = (await tenant.key("read", "write")).credential;
  const [, document] = documents[1] ?? [];
  if (document === undefined) throw new Error("there is no contract");
  const outcome = await runClient(document, UPLOADS, [own.url, authorization]);
  expect(outcome.kind === "refused" ? outcome.errors : JSON.parse(outcome.output)).toEqual([
    [201, "raw.txt", "3"],
    [201, "form.txt", "4"],
    [201, 204, "5"],
  ]);
}, 120_000);

const UPLOADS = `import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
declare const process: { argv: string[] };
declare const console: { log(text: string): void };
const [, , baseUrl = "", authorization = ""] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { authorization } });
// The types know bytes as text.
const bytes = (text: string) => new Blob([text], { type: "text/plain" }) as unknown as string;
const raw = await client.POST("/v1/files", {
  params: { query: { name: "raw.txt" } },
  body: bytes("raw"),
  bodySerializer: (body) => body as unknown as Blob,
  headers: { "content-type": "text/plain" },
});
const form = await client.POST("/v1/files", {
  body: { file: bytes("form"), name: "form.txt" },
  bodySerializer(body) {
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) form.append(name, value);
    return form;
  },
});
const tus = { "Tus-Resumable": "1.0.0" } as const;
const begun = await client.POST("/v1/uploads", { params: { header: { ...tus, "Upload-Length": "5" } } });
const uploadId = begun.response.headers.get("location")?.split("/").at(-1) ?? "";
const ended = await client.PATCH("/v1/uploads/{uploadId}", {
  params: { path: { uploadId }, header: { ...tus, "Upload-Offset": "0" } },
  body: bytes("piece"),
  bodySerializer: (body) => body as unknown as Blob,
  headers: { "content-type": "application/offset+octet-stream" },
});
const fileId = ended.response.headers.get("content-location")?.split("/").at(-1) ?? "";
const file = await client.GET("/v1/files/{fileId}", { params: { path: { fileId } } });
console.log(
  JSON.stringify([
    [raw.response.status, raw.data?.name, raw.data?.size],
    [form.response.status, form.data?.name, form.data?.size],
    [begun.response.status, ended.response.status, file.data?.size],
  ]),
);
`;
