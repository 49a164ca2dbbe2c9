// Raw fields of REST: any JSON value is a string of its text in the message, and that text in the response.
import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreateConversationRequestSchema } from "../../../../gen/colloquy/compat/openai/v1/conversation_service_pb.ts";
import {
  CreateItemsRequestSchema,
  ListItemsResponseSchema,
} from "../../../../gen/colloquy/compat/openai/v1/item_service_pb.ts";
import { RestProblem } from "../../../../src/protocols/rest/binding/problem.ts";
import { quoteRawValues } from "../../../../src/protocols/rest/request/json/raw-values.ts";
import { createJsonWriter } from "../../../../src/protocols/rest/response/json-write.ts";

/** JSON as somebody else might write it, with white space where it may stand. */
const written = fc
  .tuple(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 1, "\t"))
  .map(([json, indent]) => JSON.stringify(JSON.parse(json), undefined, indent));

const quote = (text: string) => quoteRawValues(CreateItemsRequestSchema, text);

describe("a raw field", () => {
  test("is read as the text of each value, character by character", () => {
    fc.assert(
      fc.property(fc.array(written), fc.constantFrom("", " ", "\n\t"), written, (values, space, other) => {
        const list = values.map((value) => space + value + space).join(",");
        const body = `{${space}"other":${other},"items"${space}:${space}[${list}]${space}}`;
        expect(JSON.parse(quote(body))).toEqual({ other: JSON.parse(other), items: values });
      }),
    );
  });

  test("is written as the value that its text is", () => {
    const { message } = createJsonWriter();
    fc.assert(
      fc.property(fc.array(written), (data) => {
        const text = message(ListItemsResponseSchema, create(ListItemsResponseSchema, { object: "list", data }));
        expect(text).toContain(`"data":[${data.join(",")}]`);
        expect(JSON.parse(text).data).toEqual(data.map((value) => JSON.parse(value)));
      }),
    );
  });

  test("keeps digits, names that come twice, and escapes", () => {
    const value = '{"n": 12345678901234567890.10, "a":1,"a":2, "t":"\\ud800\\u0000"}';
    expect(JSON.parse(quote(`{"items":[${value}]}`)).items).toEqual([value]);
  });

  test("may be named with escapes", () => {
    expect(JSON.parse(quote('{"it\\u0065ms":[1,null]}'))).toEqual({ items: ["1", "null"] });
  });
});

describe("a body that is left as it is", () => {
  test.each([
    '{"items":[{"type":}]}',
    '{"items":[nope]}',
    '{"items":[1',
    '{"items":[1}',
    '{"items":["x]}',
    "{]",
    "[1]",
    "",
    '{"items":{"a":1}}',
    '{"items":"x"}',
    '{"items":null}',
  ])("%s", (text) => {
    expect(quote(text)).toBe(text);
  });

  test("has no raw field", () => {
    const text = '{"metadata":{"a":"b"}}';
    expect(quoteRawValues(CreateConversationRequestSchema, text)).toBe(text);
  });

  test("or holds more values than any body may, wherever they stand", () => {
    for (const text of [
      `{"items":[1],"other":[${"0,".repeat(200_000)}0]}`,
      `{"other":[${"0,".repeat(200_000)}0],"items":[1]}`,
    ]) {
      expect(quote(text)).toBe(text);
    }
  });

  test("or one nested too deep, which is told with its place", () => {
    const deep = `{"items":[1,${"[".repeat(65)}${"]".repeat(65)}]}`;
    expect(() => quote(deep)).toThrow(RestProblem);
    expect(() => quote(deep)).toThrow("items[1]: must be at most 64 levels deep");
  });
});

describe("bounds that are told before anything is copied", () => {
  test("a list of too many", () => {
    expect(quote(`{"items":[${"0,".repeat(999)}0]}`)).toContain('"0","0"]');
    expect(() => quote(`{"items":[${"0,".repeat(1_000)}0]}`)).toThrow("items: must contain no more than 1000 item(s)");
  });

  test("a value that holds too many, names not counted", () => {
    const of = (count: number) => `{"items":[[${'{"a":0},'.repeat((count - 2) / 2)}0]]}`;
    expect(JSON.parse(quote(of(50_000))).items).toHaveLength(1);
    expect(() => quote(of(50_002))).toThrow("items[0]: must hold at most 50000 values");
    expect(() => quote(`{"items":[0,${"[0,0],".repeat(30_000).replace(/^/, "[")}0]]}`)).toThrow(
      "items[1]: must hold at most 50000 values",
    );
  });
});
