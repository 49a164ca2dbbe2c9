// Each shape of a field as JSON Schema.
import { describe, expect, test } from "vitest";
import type { Schema } from "../../../../scripts/openapi/index.ts";
import { catalogDocument } from "../../../support/servers/catalog.ts";

const { schemas } = catalogDocument().components;
const rules = schemas.CheckRulesRequest?.properties ?? {};
const book = schemas.Book?.properties ?? {};

describe("a rule becomes a keyword", () => {
  const cases: Record<string, Schema> = {
    email: {
      anyOf: [
        { type: "string", const: "" },
        { type: "string", format: "email" },
      ],
    },
    uri: { type: "string", format: "uri" },
    ip: {
      anyOf: [
        { type: "string", format: "ipv4" },
        { type: "string", format: "ipv6" },
      ],
    },
    pattern: { type: "string", pattern: "^[a-z]{2,4}-[0-9]+$" },
    prefix: { type: "string", allOf: [{ pattern: "^a\\/" }, { pattern: "\\.txt$" }] },
    fixed: { type: "string", const: "yes" },
    oneOf: { type: "string", enum: ["a", "b"] },
    noneOf: { type: "string", not: { enum: ["a", "b"] } },
    bytesLong: { type: "string", maxLength: 8, description: "At most 8 bytes of UTF-8." },
    re2: { type: "string", description: "Matches the RE2 expression `(?i)^abc\\z`." },
    data: {
      type: "string",
      contentEncoding: "base64",
      minLength: 2,
      maxLength: 8,
      description: "At least 1 byte. At most 4 bytes.",
    },
    outside: {
      anyOf: [
        { type: "integer", format: "uint32", minimum: 0, exclusiveMaximum: 5 },
        { type: "integer", format: "uint32", exclusiveMinimum: 10, maximum: 4294967295 },
      ],
    },
    within: { type: "number", format: "float", minimum: -1, exclusiveMaximum: 1 },
    wide: { type: "string", format: "int64", pattern: "^[1-9][0-9]*$", description: "At most 9007199254740993." },
    fixedWide: { type: "string", format: "uint64", pattern: "^[0-9]+$", enum: ["1", "2"] },
    must: { type: "boolean", const: true },
    novel: { $ref: "#/components/schemas/Genre", enum: ["GENRE_NOVEL"] },
    numbers: {
      type: "array",
      items: { type: "integer", format: "int32", exclusiveMinimum: 0, maximum: 2147483647 },
      minItems: 2,
    },
    byNumber: {
      type: "object",
      propertyNames: { type: "string", pattern: "^-?[0-9]+$" },
      additionalProperties: { $ref: "#/components/schemas/AuthorInput" },
      minProperties: 1,
    },
    wait: {
      type: "string",
      pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$",
      description: "At least 1s. Less than 60s.",
    },
    later: { type: "string", format: "date-time", description: "In the future." },
    any: {
      type: "object",
      properties: { "@type": { type: "string", enum: ["type.googleapis.com/a.B"] } },
      required: ["@type"],
      additionalProperties: true,
    },
    value: { type: ["array", "boolean", "null", "number", "object", "string"], items: {} },
    list: { type: "array", items: {} },
    wrapped: { type: "string", format: "int64", pattern: "^-?[0-9]+$" },
    mask: { type: "string", pattern: "^([a-zA-Z0-9.*]+(,[a-zA-Z0-9.*]+)*)?$", description: "Paths: `a`, `b`." },
    custom: { type: "string", description: "Must be a palindrome." },
    unlessZero: {
      anyOf: [
        { type: "integer", const: 0 },
        { type: "integer", format: "int32", minimum: 5, maximum: 2147483647 },
      ],
    },
    never: { type: "string" },
    empty: { type: "object", additionalProperties: false },
    nothing: { $ref: "#/components/schemas/NullValue" },
  };

  test.each(Object.entries(cases))("%s", (name, expected) => {
    expect(rules[name]).toEqual(expected);
  });

  test("and there is no field without a case", () => {
    expect(Object.keys(rules)).toEqual(Object.keys(cases));
  });

  test("fields that validation misses in an empty message are required", () => {
    expect(schemas.CheckRulesRequest?.required?.toSorted()).toEqual(
      // biome-ignore format: a list
      ["byNumber", "data", "fixed", "fixedWide", "ip", "later", "must", "novel", "numbers", "oneOf", "pattern", "prefix", "re2", "uri", "wide"],
    );
  });
});

describe("a field of a resource", () => {
  const cases: Record<string, Schema> = {
    id: { type: "string", description: "The id.", readOnly: true },
    title: { type: "string", minLength: 1, maxLength: 200, description: "The title." },
    lent: {
      type: "string",
      format: "int64",
      pattern: "^[0-9]+$",
      description: "How often it was lent.",
      readOnly: true,
    },
    genre: {
      $ref: "#/components/schemas/Genre",
      not: { enum: ["GENRE_UNSPECIFIED"] },
      description: "What kind of book it is.",
    },
    publishTime: { type: "string", format: "date-time", description: "When it came out." },
    tags: {
      type: "array",
      items: { type: "string", minLength: 1 },
      maxItems: 10,
      uniqueItems: true,
      description: "Free words.",
    },
    names: {
      type: "object",
      propertyNames: { type: "string", minLength: 2, maxLength: 2 },
      additionalProperties: { type: "string", maxLength: 50 },
      maxProperties: 5,
      description: "Names by language.",
    },
    parts: {
      type: "array",
      items: { $ref: "#/components/schemas/Book" },
      maxItems: 3,
      description: "Its parts, each a book.",
    },
    author: { anyOf: [{ $ref: "#/components/schemas/Author" }, { type: "null" }], description: "Who wrote it." },
    note: { type: ["string", "null"], description: "A note; null if there is none." },
    price: {
      type: "number",
      format: "double",
      exclusiveMinimum: 0,
      exclusiveMaximum: 1000,
      description: "Its price.",
    },
    metadata: { type: "object", additionalProperties: true, description: "Free JSON." },
    shelf: { type: "string", description: "No longer used.", deprecated: true },
    own_way: { type: "string", description: "Spelled in its own way." },
  };

  test.each(Object.entries(cases))("%s", (name, expected) => {
    expect(book[name]).toEqual(expected);
  });
});

describe("a message in both directions", () => {
  test("is answered with every field that has no presence, and with those that are null when unset", () => {
    expect(schemas.Book?.required).toEqual(
      // biome-ignore format: a list
      ["id", "title", "pages", "lent", "genre", "tags", "names", "parts", "author", "note", "etag", "shelf", "own_way"],
    );
  });

  test("is sent without the fields that only the server sets, and with what it needs", () => {
    const input = schemas.BookInput;
    expect(input?.required).toEqual(["title", "genre", "secret"]);
    expect(Object.keys(input?.properties ?? {})).not.toContain("id");
    expect(input?.properties?.secret).toEqual({
      type: "string",
      description: "The code for the door.",
      writeOnly: true,
    });
    expect(Object.keys(book)).not.toContain("secret");
    expect(input).not.toHaveProperty("additionalProperties");
  });

  test("names the server's fields where unknown ones are refused", () => {
    const strict = catalogDocument({ unknownFields: "refuse" }).components.schemas.BookInput;
    expect(strict?.additionalProperties).toBe(false);
    expect(strict?.properties?.id).toEqual({ type: "string", description: "The id.", readOnly: true });
  });

  test("has one component where it reads the same in both", () => {
    expect(Object.keys(schemas)).not.toContain("GenreInput");
    expect(Object.keys(schemas)).not.toContain("BookFilter");
  });
});

test("a oneof is at most one of its fields", () => {
  expect(schemas.Book?.oneOf).toEqual([
    { properties: { room: {} }, required: ["room"] },
    { properties: { reader: {} }, required: ["reader"] },
    { properties: { room: { not: {} }, reader: { not: {} } } },
  ]);
});

test("a required oneof is exactly one, fields of the path are no part of a body, and a rule of a message is told", () => {
  expect(schemas.LendBookRequestBody).toEqual({
    type: "object",
    description: "A reader borrows for at least a day.",
    properties: {
      days: { type: "integer", format: "int32", minimum: -2147483648, maximum: 2147483647 },
      reader: { type: "string" },
      room: { type: "string" },
    },
    oneOf: [
      { properties: { reader: {} }, required: ["reader"] },
      { properties: { room: {} }, required: ["room"] },
    ],
  });
});

test("an enum lists its values with their comments", () => {
  expect(schemas.Genre).toEqual({
    type: "string",
    description:
      "Genre is a kind of book.\n\n- `GENRE_UNSPECIFIED`: None.\n- `GENRE_NOVEL`: Made up.\n- `GENRE_REPORT`",
    enum: ["GENRE_UNSPECIFIED", "GENRE_NOVEL", "GENRE_REPORT"],
  });
  expect(schemas.NullValue).toEqual({ type: "null" });
});
