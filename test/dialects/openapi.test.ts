// What the OpenAPI documents of the APIs say of the headers and credentials that they take.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { OpenApiDocument } from "../../scripts/openapi/index.ts";

const NAMES = ["callcenter", "crm", "assistant", "helpdesk", "workorder", "openai"] as const;

function documentOf(name: string): OpenApiDocument {
  const text = readFileSync(join(import.meta.dirname, `../../gen/openapi/${name}.json`), "utf8");
  return JSON.parse(text) as OpenApiDocument;
}

/** The parameters of each operation, by its method and path, as far as they are shared. */
function sharedParameters({ paths }: OpenApiDocument): [operation: string, names: string[]][] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as Record<string, { parameters?: { $ref?: string }[] }>).map(
      ([method, { parameters = [] }]): [string, string[]] => [
        `${method} ${path}`,
        parameters.flatMap(({ $ref }) => ($ref === undefined ? [] : [$ref.slice($ref.lastIndexOf("/") + 1)])),
      ],
    ),
  );
}

describe.each(NAMES)("the document of %s", (name) => {
  test("offers an Idempotency-Key wherever something changes, and nowhere else", () => {
    const operations = sharedParameters(documentOf(name));
    expect(operations.length).toBeGreaterThan(3);
    for (const [operation, names] of operations) {
      expect(names.includes("IdempotencyKey"), operation).toBe(!operation.startsWith("get "));
    }
  });
});

test("S0-6 the call center's token may come in the query", () => {
  const { components, security } = documentOf("callcenter");
  expect(components.securitySchemes).toMatchObject({ authToken: { type: "apiKey", in: "query", name: "auth_token" } });
  expect(security).toEqual([{ bearer: [] }, { apiKey: [] }, { authToken: [] }]);
});

test("S1-1 the CRM's keys may act for somebody at every operation", () => {
  for (const [operation, names] of sharedParameters(documentOf("crm"))) expect(names, operation).toContain("ActFor");
});

test("S4-7 work orders take no API key", () => {
  const { components, security } = documentOf("workorder");
  expect(Object.keys(components.securitySchemes)).toEqual(["bearer"]);
  expect(security).toEqual([{ bearer: [] }]);
});
