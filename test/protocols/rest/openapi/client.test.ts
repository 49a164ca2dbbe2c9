// A typed client made from a document: it compiles, it works against a server, and it refuses what is wrong.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { Json, OpenApiDocument } from "../../../../scripts/openapi/index.ts";
import { catalogDocument } from "../../../support/catalog.ts";
import { callEverything, operationsOf, runClient, successOf } from "../../../support/openapi-client.ts";
import { createCheck } from "../../../support/openapi-schema.ts";

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
