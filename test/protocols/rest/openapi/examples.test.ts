// Examples: each is valid against its own schema.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { MediaType, OpenApiDocument, Operation } from "../../../../scripts/openapi/index.ts";
import { sampleOf } from "../../../../scripts/openapi/pattern-sample.ts";
import { createCheck } from "../../../support/calls/openapi-schema.ts";
import { catalogDocument } from "../../../support/servers/catalog.ts";

const written = join(import.meta.dirname, "../../../../gen/openapi");
const documents: [string, OpenApiDocument][] = [
  ["the catalog's", catalogDocument()],
  ["the catalog's, strict,", catalogDocument({ unknownFields: "refuse" })],
  ...readdirSync(written).map((name): [string, OpenApiDocument] => [
    `the written ${name}`,
    JSON.parse(readFileSync(join(written, name), "utf8")),
  ]),
];

function operations(document: OpenApiDocument): Operation[] {
  return Object.values(document.paths).flatMap(({ "x-additionalOperations": others = {}, ...item }) => [
    ...Object.values(item as Record<string, Operation>),
    ...Object.values(others),
  ]);
}

function contents(document: OpenApiDocument): [string, MediaType][] {
  const shared = Object.entries(document.components.responses).map(([name, response]) => [name, response] as const);
  const own = operations(document).flatMap(({ operationId, requestBody, responses }) => [
    [`${operationId} request`, requestBody] as const,
    ...Object.entries(responses).map(([status, response]) => [`${operationId} ${status}`, response] as const),
  ]);
  return [...shared, ...own].flatMap(([name, holder]) =>
    holder !== undefined && "content" in holder
      ? Object.values(holder.content ?? {}).map((media): [string, MediaType] => [name, media])
      : [],
  );
}

describe.each(documents)("%s document", (_, document) => {
  const check = createCheck(document);

  test("has only examples that are valid", () => {
    const faults = contents(document).flatMap(([name, { schema, example, examples = {} }]) => {
      const values = [
        ...(example === undefined ? [] : [example]),
        ...Object.values(examples).map(({ value }) => value),
      ];
      return values.flatMap((value) => check(schema, value).map((fault) => `${name}: ${fault}`));
    });
    expect(faults).toEqual([]);
  });

  test("has an example for each body in JSON and each required parameter", () => {
    const bare = operations(document).flatMap(({ operationId, requestBody, responses, parameters = [] }) => {
      const success = Object.values(responses).find((response) => "content" in response);
      const media = [requestBody, success].flatMap((holder) =>
        holder !== undefined && "content" in holder ? (holder.content?.["application/json"] ?? []) : [],
      );
      const without = media.filter(({ example, examples }) => example === undefined && examples === undefined);
      const silent = parameters.filter((each) => "in" in each && each.required && each.example === undefined);
      return without.length + silent.length === 0 ? [] : [operationId];
    });
    expect(bare).toEqual([]);
  });

  test("has only parameters whose examples are valid", () => {
    const faults = operations(document).flatMap(({ operationId, parameters = [] }) =>
      parameters.flatMap((each) =>
        "in" in each && each.example !== undefined
          ? check(each.schema, each.example).map((fault) => `${operationId}: ${fault}`)
          : [],
      ),
    );
    expect(faults).toEqual([]);
  });
});

test("an invalid example would be seen", () => {
  const document = catalogDocument();
  expect(createCheck(document)({ $ref: "#/components/schemas/Author" }, { name: 1 })).toEqual(["/name must be string"]);
});

test.each([
  ["^[a-z]{2,4}-[0-9]+$", "aa-1"],
  ["^(?:req|res)_[A-Z]{3}$", "req_AAA"],
  ["^a\\/b\\.c$", "a/b.c"],
  ["^[^\\]a]x*$", "A"],
  ["^\\d{3}(,\\w+)?$", "111"],
])("%s has the sample %s", (pattern, sample) => {
  expect(sampleOf(pattern)).toBe(sample);
});

test.each(["^(?=a)a$", "^\\p{Lu}$", "^[a", "(a)\\1"])("%s, which is not understood, has none", (pattern) => {
  expect(sampleOf(pattern)).toBeUndefined();
});
