// Bindings as operations.
import { describe, expect, test } from "vitest";
import type { Operation, Parameter, Response } from "../../../../scripts/openapi/index.ts";
import { catalogDocument } from "../../../support/servers/catalog.ts";

const document = catalogDocument();

function operation(method: string, path: string, { paths } = document): Operation {
  const found = paths[path]?.[method];
  if (found === undefined) throw new Error(`there is no ${method} ${path}`);
  return found;
}

function parameters(method: string, path: string, place: string): Parameter[] {
  const all = operation(method, path).parameters ?? [];
  return all.filter((parameter): parameter is Parameter => "in" in parameter && parameter.in === place);
}

function references(method: string, path: string): string[] {
  const all = operation(method, path).parameters ?? [];
  return all.flatMap((parameter) => ("$ref" in parameter ? [parameter.$ref.replace(/.*\//, "")] : []));
}

function answer(method: string, path: string, status: string): Response {
  return operation(method, path).responses[status] as Response;
}

test("every binding is an operation with a stable id, in the order of the contract", () => {
  const found = Object.entries(document.paths).flatMap(([path, { "x-additionalOperations": others = {}, ...item }]) =>
    Object.entries({ ...item, ...others } as Record<string, Operation>).map(
      ([method, { operationId }]) => `${method} ${path} ${operationId.replace("CatalogService_", "")}`,
    ),
  );
  expect(found).toEqual([
    "post /v1/books CreateBook",
    "get /v1/books ListBooks",
    "get /v1/books/{bookId} GetBook",
    "patch /v1/books/{bookId} UpdateBook",
    "delete /v1/books/{bookId} DeleteBook",
    "get /v1/shelves/{name_1}/books/{name_2} GetBook_2",
    "get /v1/files/{path}:read GetBook_3",
    "post /v1/books/{bookId}:lend LendBook",
    "get /v1/old OldBooks",
    "post /v1/rules CheckRules",
    "get /v1/books/{bookId}/cover Cover",
    "QUERY /v1/books/{bookId}/cover Cover_2",
    "get /v1/books:watch Watch",
    "post /v1/books:ask Ask",
    "post /v1/books:import Import",
  ]);
});

test("a comment gives the summary without the method's name, and the description", () => {
  const { summary, description, tags } = operation("post", "/v1/books");
  expect({ summary, description, tags }).toEqual({
    summary: "Adds a book",
    description: "Its id is made by the server.\n\nBooks are never lost:\n- not by this,\n- nor by that.",
    tags: ["CatalogService"],
  });
  expect(document.tags).toEqual([
    {
      name: "CatalogService",
      description: "CatalogService keeps books: an API with every shape that a document has to describe.",
    },
  ]);
  expect(operation("get", "/v1/old").deprecated).toBe(true);
});

describe("a path", () => {
  test("takes a variable of one segment with its rules", () => {
    expect(parameters("get", "/v1/books/{bookId}", "path")).toEqual([
      {
        name: "bookId",
        in: "path",
        required: true,
        schema: { type: "string", minLength: 1, maxLength: 20 },
        description: "The book's id.",
        example: "bookId",
      },
    ]);
  });

  test("has a part for each wildcard of a longer variable", () => {
    expect(parameters("get", "/v1/shelves/{name_1}/books/{name_2}", "path")).toEqual(
      ["name_1", "name_2"].map((name) => ({
        name,
        in: "path",
        required: true,
        schema: { type: "string", minLength: 1 },
        description: "The name. A part of `name`, which has the form `shelves/*/books/*`.",
        example: name,
      })),
    );
  });

  test("says where several segments fit", () => {
    expect(parameters("get", "/v1/files/{path}:read", "path")[0]?.description).toBe(
      "Takes several segments; their slashes stay as they are.",
    );
  });

  test("has the prefix of its mount", () => {
    const paths = Object.keys(catalogDocument({ prefix: "/api" }).paths);
    expect(paths.every((path) => path.startsWith("/api/v1/"))).toBe(true);
  });
});

describe("a query", () => {
  test("has every field that fits in it, those of messages by dotted names", () => {
    const found = parameters("get", "/v1/books", "query").map(({ name, required = false }) => [name, required]);
    expect(found).toEqual([
      ["pageSize", false],
      ["genres", false],
      ["filter.author", false],
      ["filter.atLeast", false],
      ["after", false],
      ["title", false],
      ["tags", false],
      ["owner", true],
    ]);
  });

  test("repeats a list", () => {
    expect(parameters("get", "/v1/books", "query")[1]).toEqual({
      name: "genres",
      in: "query",
      schema: { type: "array", items: { $ref: "#/components/schemas/Genre" } },
      style: "form",
      explode: true,
    });
  });

  test("names the keys of a map in brackets", () => {
    expect(parameters("get", "/v1/books", "query")[6]).toEqual({
      name: "tags",
      in: "query",
      description: "Only those that have all of these.",
      schema: { type: "object", additionalProperties: { type: "string" } },
      style: "deepObject",
      explode: true,
    });
  });

  test("is empty where the body takes the rest", () => {
    expect(parameters("post", "/v1/books/{bookId}:lend", "query")).toEqual([]);
  });

  test("holds what a field as the body leaves", () => {
    expect(parameters("patch", "/v1/books/{bookId}", "query").map(({ name }) => name)).toEqual(["updateMask"]);
  });
});

describe("a body", () => {
  test("is the field that the binding names, without what the path holds", () => {
    expect(operation("post", "/v1/books").requestBody).toMatchObject({
      required: true,
      content: { "application/json": { schema: { $ref: "#/components/schemas/BookInput" } } },
    });
  });

  test("must be sent where something in it is required", () => {
    expect(operation("delete", "/v1/books/{bookId}").requestBody?.required).toBe(true);
    expect(operation("post", "/v1/books/{bookId}:lend").requestBody?.required).toBeUndefined();
  });

  test("of a client stream is JSON line by line", () => {
    expect(operation("post", "/v1/books:import").requestBody).toEqual({
      description: "One JSON text a line.",
      required: true,
      content: {
        "application/x-ndjson": {
          schema: {
            type: "string",
            contentMediaType: "application/x-ndjson",
            contentSchema: { type: "array", items: { $ref: "#/components/schemas/ImportRequest" } },
          },
        },
      },
    });
  });
});

describe("an answer", () => {
  test("of a creation is 201 with a location and a tag", () => {
    const { description, headers, content } = answer("post", "/v1/books", "201");
    expect(description).toBe("The new book.");
    expect(Object.keys(headers ?? {})).toEqual(["X-Request-Id", "ETag", "Location", "RateLimit"]);
    expect(content?.["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/Book" });
  });

  test("of 204 has no content", () => {
    expect(answer("delete", "/v1/books/{bookId}", "204")).not.toHaveProperty("content");
  });

  test("can be a list", () => {
    expect(answer("get", "/v1/old", "200").content?.["application/json"]?.schema).toEqual({
      type: "array",
      items: { type: "string" },
    });
  });

  test("can be raw bytes of any type", () => {
    expect(answer("get", "/v1/books/{bookId}/cover", "200").content).toEqual({
      "*/*": { schema: { type: "string", format: "binary" } },
    });
  });

  test("of a stream is events or lines, each with the error that may end it", () => {
    const data = (name: string) => ({
      type: "string",
      contentMediaType: "application/json",
      contentSchema: { $ref: `#/components/schemas/${name}` },
    });
    const event = (name: string, message: string) => ({
      type: "object",
      properties: { event: { const: name }, id: { type: "string" }, data: data(message) },
      required: ["event", "data"],
    });
    const error = {
      type: "object",
      properties: { event: { const: "error" }, data: data("Status") },
      required: ["event", "data"],
    };
    expect(answer("get", "/v1/books:watch", "200").content).toEqual({
      "text/event-stream": {
        schema: {
          type: "string",
          contentMediaType: "text/event-stream",
          contentSchema: { type: "array", items: { anyOf: [event("added", "Book"), event("met", "Author"), error] } },
        },
      },
      "application/x-ndjson": {
        schema: {
          type: "string",
          contentMediaType: "application/x-ndjson",
          contentSchema: {
            type: "array",
            items: {
              anyOf: [
                { $ref: "#/components/schemas/WatchResponse" },
                { type: "object", properties: { error: { $ref: "#/components/schemas/Status" } }, required: ["error"] },
              ],
            },
          },
        },
      },
    });
  });
});

test("a unary and a streaming method at one place are one operation with the answers of both", () => {
  const { operationId, description, requestBody } = operation("post", "/v1/books:ask");
  expect({ operationId, description }).toEqual({
    operationId: "CatalogService_Ask",
    description: "With an `Accept` that prefers a stream: Answers a question word by word.",
  });
  expect(requestBody?.content["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/AskRequest" });
  const { content = {} } = answer("post", "/v1/books:ask", "200");
  expect(Object.keys(content).toSorted()).toEqual(["application/json", "application/x-ndjson", "text/event-stream"]);
  expect(content["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/AskResponse" });
});

describe("headers and errors", () => {
  test("are those that the binding has a use for", () => {
    expect(references("post", "/v1/books")).toEqual(["IdempotencyKey", "IfMatch", "RequestId"]);
    expect(references("get", "/v1/books/{bookId}")).toEqual(["IfNoneMatch", "RequestId"]);
    expect(references("get", "/v1/books:watch")).toEqual(["LastEventId", "RequestId"]);
    // biome-ignore format: a list
    expect(Object.keys(operation("patch", "/v1/books/{bookId}").responses)).toEqual(
      ["200", "400", "401", "403", "404", "406", "409", "412", "413", "415", "429", "500", "503", "504"]);
    expect(Object.keys(operation("get", "/v1/old").responses)).toEqual([
      "200",
      "400",
      "401",
      "403",
      "406",
      "429",
      "500",
      "503",
      "504",
    ]);
    expect(operation("get", "/v1/books/{bookId}").responses).toHaveProperty("304");
  });

  test("are without those of credentials where none is needed", () => {
    const open = catalogDocument({ isPublic: (method) => method.name === "OldBooks" });
    const old = operation("get", "/v1/old", open);
    expect(old.security).toEqual([]);
    expect(Object.keys(old.responses)).not.toContain("401");
    expect(open.security).toEqual([{ bearer: [] }]);
  });

  test("can be an API's own", () => {
    const own = catalogDocument({
      requestHeaders: [],
      responseHeaders: [],
      schemas: { Detail: { type: "object" } },
      errorShapes: [
        {
          status: 422,
          component: "Invalid",
          description: "Bad.",
          content: { "application/json": { schema: { $ref: "#/components/schemas/Detail" } } },
        },
      ],
      operationId: (method, index) => `${method.name}${index}`,
    });
    expect(own.components.headers).toEqual({});
    expect(own.components.responses).toEqual({
      Invalid: {
        description: "Bad.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Detail" } } },
      },
    });
    expect(operation("get", "/v1/old", own).operationId).toBe("OldBooks0");
    expect(Object.keys(operation("get", "/v1/old", own).responses)).toEqual(["200", "422"]);
  });
});

test("two operations of one id are refused", () => {
  expect(() => catalogDocument({ operationId: () => "same" })).toThrow("same is already the id of another operation");
});

test("the same input gives the same bytes", () => {
  expect(JSON.stringify(catalogDocument())).toBe(JSON.stringify(catalogDocument()));
});
