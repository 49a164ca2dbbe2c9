// Bodies: what of the request they fill, what of the answer they are, and what is refused.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLibrary, serveHttp1, type TestServer } from "../../support/servers/library.ts";

let server: TestServer;
let lenient: TestServer;
beforeAll(async () => {
  server = await serveHttp1(createLibrary().rest);
  lenient = await serveHttp1(createLibrary({ mount: { unknown: "ignore" } }).rest);
});
afterAll(() => Promise.all([server.close(), lenient.close()]));

const json = { "content-type": "application/json" };

async function send(method: string, path: string, body: string | Uint8Array, to = server): Promise<unknown> {
  const answer = await to.ask(path, { method, headers: json, body });
  if (answer.status < 300) return answer.json();
  return `${answer.status} ${(answer.json() as { message: string }).message}`;
}
const whole = (body: string | Uint8Array, to = server) => send("PUT", "/t1/values/whole", body, to);

describe("a body", () => {
  it("of a field fills that field, and the query fills the others", async () => {
    expect(await send("POST", "/t1/books?requestId=r1", `{"title":"Emma"}`)).toMatchObject({
      title: "Emma",
      subtitle: "r1",
    });
  });

  it("of a field leaves no parameter for it", async () => {
    expect(await send("POST", "/t1/books?book.title=x", "{}")).toBe(
      "400 book.title: is not a parameter: it is filled from the path or the body",
    );
  });

  it("of everything leaves no parameters", async () => {
    expect(await send("POST", "/t1/books/1:restore?note=x", "{}")).toBe(
      "400 note: is not a parameter: every field that the path does not hold belongs in the body",
    );
  });

  it("is completed by the path", async () => {
    expect(await send("POST", "/t1/books/1:restore", `{"note":"n"}`)).toMatchObject({ bookId: "1", title: "n" });
    expect(await send("PATCH", "/t1/books/1", `{"title":"n"}`)).toMatchObject({ bookId: "1", title: "n" });
  });

  it("may repeat what the path says, but not say otherwise", async () => {
    expect(await send("PATCH", "/t1/books/1?updateMask=title,etag", `{"bookId":"1"}`)).toMatchObject({
      subtitle: "title,etag",
    });
    expect(await send("PATCH", "/t1/books/1", `{"bookId":"2"}`)).toBe(
      "400 book.book_id: must be what the path says, or left out",
    );
    expect(await send("PATCH", "/t1/books/1", `{"bookId":"2"}`, lenient)).toMatchObject({ bookId: "1" });
  });

  it("may be left out where it is everything or a field", async () => {
    expect(await send("POST", "/t1/books/1:restore", "")).toMatchObject({ bookId: "1", title: "" });
    expect(await send("POST", "/t1/books", "")).toMatchObject({ title: "Emma" });
  });

  it("of a DELETE is served where the contract asks for it", async () => {
    expect(await send("DELETE", "/t1/books", `{"bookIds":["1"]}`)).toEqual({});
  });

  it("is refused where the method takes none, unless the mount is lenient", async () => {
    expect(await send("DELETE", "/t1/cache/x", "{}")).toMatch(/^405/);
    expect(await send("PURGE", "/t1/cache/x", "{}")).toBe("400 body: must be empty: this method takes none");
    expect(await send("PURGE", "/t1/cache/x", "{}", lenient)).toEqual({});
    expect(await send("GET", "/t1/books/1", "x")).toBe("400 body: must be empty: this method takes none");
  });
});

describe("a body of one field", () => {
  it.each([
    ["scalar", '"x"', "x"],
    ["scalar", "null", ""],
    ["number", '"9007199254740993"', "9007199254740993"],
    ["number", "5", "5"],
    ["texts", '["a","b"]', ["a", "b"]],
    ["texts", "[]", []],
    ["map", '{"a":1,"__proto__":2}', JSON.parse('{"a":1,"__proto__":2}')],
    ["struct", '{"a":[1,null,{"b":true}]}', { a: [1, null, { b: true }] }],
    ["struct", "null", null],
    ["value", "[1]", [1]],
    ["value", "null", null],
    ["wrapper", '""', ""],
    ["wrapper", "null", null],
    ["time", '"2026-01-31T12:00:00Z"', "2026-01-31T12:00:00Z"],
    ["kind", '"COLOR_RED"', "COLOR_RED"],
    ["kind", "2", "COLOR_BLUE"],
  ])("%s %s is read and answered", async (name, body, expected) => {
    expect(await send("PUT", `/t1/values/${name}`, body)).toEqual(expected);
  });

  it.each([
    ["scalar", "5", "400 text: must be a string"],
    ["scalar", '"\\ud800"', "400 text: must be a string without half of a surrogate pair"],
    ["number", '"x"', "400 number: must be an integer that int64 can hold"],
    ["texts", '["a",5]', "400 texts: must be an array of the field's type"],
    ["texts", '"a"', "400 texts: must be an array"],
    ["map", '{"a":"x"}', '400 map["a"]: must be an integer that int32 can hold'],
    ["struct", "[]", "400 struct: must be an object"],
    ["time", '"yesterday"', "400 time: must be a time such as 2026-01-31T12:00:00Z"],
    ["kind", '"PINK"', "400 kind: must be one of COLOR_RED, COLOR_BLUE"],
    // What is no JSON by itself does not become so by what the server puts around it.
    ["scalar", '"x","number":"5"', "400 the body must be JSON: it breaks at position 3"],
    ["struct", '{},"text":""', "400 the body must be JSON: it breaks at position 2"],
    ["scalar", '"x"}', "400 the body must be JSON: it breaks at position 3"],
  ])("%s %s is refused", async (name, body, expected) => {
    expect(await send("PUT", `/t1/values/${name}`, body)).toBe(expected);
  });
});

describe("JSON", () => {
  it("takes the names of JSON and of the contract", async () => {
    expect(await whole(`{"nestedList":[{"text":"a"}],"nested_map":{"k":{"number":1}}}`)).toMatchObject({
      nestedList: [{ text: "a", number: 0 }],
      nestedMap: { k: { text: "", number: 1 } },
    });
  });

  it("may begin with a byte order mark", async () => {
    expect(await whole(`\ufeff{"text":"x"}`)).toMatchObject({ text: "x" });
  });

  const deep = (levels: number) => `{"value":${"[".repeat(levels)}${"]".repeat(levels)}}`;

  it.each(
    [
      ["{", "400 the body must be JSON: it breaks at position 1"],
      ["nope", "400 the body must be JSON"],
      ['{"text":"x"} x', "400 the body must be JSON: it breaks at position 13"],
      ['{"text":"x"}{}', "400 the body must be JSON: it breaks at position 12"],
      ['{"struct":{"a":[1e400]}}', "400 struct: must be a number that JSON can carry: not NaN, not infinite"],
      [`{"value":${"9".repeat(400)}}`, "400 value: must be a number that JSON can carry: not NaN, not infinite"],
      ["{'text':'x'}", "400 the body must be JSON: it breaks at position 1"],
      ['{"text":"x",}', "400 the body must be JSON: it breaks at position 12"],
      ['{"number":NaN}', "400 the body must be JSON"],
      ["   ", "400 the body must be JSON"],
      ["[]", "400 the body must be an object"],
      ["null", "400 the body must be an object"],
      ["5", "400 the body must be an object"],
      ['{"text":5}', "400 text: must be a string"],
      ['{"text":"a","text":"b"}', '400 the body must not hold the name "text" twice'],
      ['{"text":"a","te\\u0078t":"b"}', '400 the body must not hold the name "text" twice'],
      ['{"struct":{"a":1,"a":2}}', '400 struct: must not hold the name "a" twice'],
      [
        '{"nestedList":[],"nested_list":[]}',
        "400 nested_list: must not be set twice, nor with another of its alternatives",
      ],
      [
        '{"choiceText":"a","choiceNumber":1}',
        "400 choice_number: must not be set twice, nor with another of its alternatives",
      ],
      ['{"nope":1}', "400 nope: is not a field of SetValuesRequest"],
      ['{"__proto__":1}', "400 __proto__: is not a field of SetValuesRequest"],
      ['{"a\\nb":1}', "400 a?b: is not a field of SetValuesRequest"],
      ['{"nestedList":[{"text":"a"},{"nope":1}]}', "400 nested_list[1].nope: is not a field of Nested"],
      [
        '{"nestedList":[{"nested":{"number":"x"}}]}',
        "400 nested_list[0].nested.number: must be an integer that int32 can hold",
      ],
      ['{"nestedMap":{"k":{"text":1}}}', '400 nested_map["k"].text: must be a string'],
      ['{"nestedList":[null]}', "400 nested_list[0]: must be an object"],
      ['{"nestedList":{}}', "400 nested_list: must be an array"],
      ['{"number":1.5}', "400 number: must be an integer that int64 can hold"],
      ['{"text":1,"number":"x"}', "400 text: must be a string; number: must be an integer that int64 can hold"],
      [deep(200), "400 value: must be the JSON of a Value"],
      [deep(255), "400 value: must be the JSON of a Value"],
      [deep(256), "400 the body must be nested at most 256 levels deep"],
      [deep(1_000_000), "400 the body must be nested at most 256 levels deep"],
      [`{"text":"${"[".repeat(300)}\\"${"{".repeat(300)}"`, "400 the body must be JSON: it breaks at position 612"],
      [`{"nestedList":[${'{"nested":'.repeat(150)}{}${"}".repeat(150)}]}`, /must be at most 100 levels deep$/],
    ].map(([body, expected]) => [String(body).slice(0, 60), body as string, expected] as const),
  )("%s is refused", async (_, body, expected) => {
    const answer = await whole(body);
    if (typeof expected === "string") expect(answer).toBe(expected);
    else expect(answer).toMatch(expected as RegExp);
  });

  it("must be UTF-8", async () => {
    expect(await whole(Buffer.from('{"text":"\xff"}', "latin1"))).toBe("400 the body must be UTF-8");
  });

  it("skips what the path holds where the mount is lenient, whatever it looks like", async () => {
    expect(await send("PATCH", "/t1/books/1", `{"bookId":2,"book_id":{}}`, lenient)).toMatchObject({ bookId: "1" });
    expect(await send("PATCH", "/t1/books/1", `{"bookId":2}`)).toBe("400 book.book_id: must be a string");
  });

  it("comes whatever Accept asks for where the mount is lenient, for it has no other form", async () => {
    for (const accept of ["text/html", "application/vnd.acme+json", "text/event-stream", "*/*;q=0"]) {
      const answer = await lenient.ask("/t1/books/7", { headers: { accept } });
      expect([answer.status, answer.headers["content-type"]]).toEqual([200, "application/json"]);
      expect((await server.ask("/t1/books/7", { headers: { accept } })).status).toBe(406);
    }
  });

  it("knows fields by their names in JSON alone where the mount is lenient", async () => {
    expect(await send("POST", "/t1/books", `{"title":"Emma","book_id":5}`, lenient)).toMatchObject({ title: "Emma" });
    expect(await send("POST", "/t1/books", `{"title":"Emma","book_id":5}`)).toBe("400 book.book_id: must be a string");
    expect((await lenient.ask("/t1/params?int32Value=1&int32_value=x")).status).toBe(200);
  });

  it("skips unknown fields where the mount is lenient, not known ones that do not fit", async () => {
    expect(await whole(`{"nope":1,"text":"x"}`, lenient)).toMatchObject({ text: "x" });
    expect(await whole(`{"nope":1,"text":5}`, lenient)).toBe("400 text: must be a string");
    expect((await lenient.ask("/t1/books/1?nope=1")).status).toBe(200);
    expect((await lenient.ask("/t1/params?int32Value=x")).status).toBe(400);
  });

  it("names at most 20 faults", async () => {
    const body = JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`x${i}`, 1])));
    const answer = await server.ask("/t1/values/whole", { method: "PUT", headers: json, body });
    expect((answer.json() as { details: { fieldViolations: unknown[] }[] }).details[0]?.fieldViolations).toHaveLength(
      20,
    );
  });
});

describe("null for an unset field", () => {
  it("stands where the contract asks for it, at any depth, and nowhere else", async () => {
    const body = JSON.stringify({ plain: "p", inner: { text: "t" }, list: [{}], map: { k: { maybe: "" } } });
    const bare = { text: null, maybe: null, plain: "", inner: null, list: [], map: {}, time: null, color: null };
    expect(await send("PUT", "/t1/values/nulls", body)).toEqual({
      ...bare,
      plain: "p",
      inner: { ...bare, text: "t" },
      list: [bare],
      map: { k: { ...bare, maybe: "" } },
    });
  });

  it("does not hide what is set", async () => {
    const set = { text: "a", maybe: "", time: "2026-01-31T12:00:00Z", color: "COLOR_RED" };
    expect(await send("PUT", "/t1/values/nulls", JSON.stringify(set))).toMatchObject(set);
  });
});

describe("google.api.HttpBody", () => {
  it("takes a body as it is, and answers one", async () => {
    const body = Buffer.from([0, 255, 1]);
    const answer = await server.ask("/t1/files/a/b.png?note=n", {
      method: "PUT",
      headers: { "content-type": "image/png" },
      body,
    });
    expect([answer.status, answer.headers["content-type"], answer.headers["x-content-type-options"]]).toEqual([
      200,
      "image/png",
      "nosniff",
    ]);
    expect(answer.body).toEqual(Buffer.concat([Buffer.from("a/b.png:"), body]));
  });

  it("is the whole request, or one field of the answer", async () => {
    const answer = await server.ask("/t1/file:echo", {
      method: "POST",
      headers: { "content-type": "text/plain", accept: "x/y" },
      body: "hi",
    });
    expect([answer.status, answer.headers["content-type"], answer.text]).toEqual([200, "text/plain", "hi"]);
  });

  it("without a type that a header can carry is bytes", async () => {
    const answer = await server.ask("/t1/files/x", { method: "PUT", body: "hi" });
    expect(answer.headers["content-type"]).toBe("application/octet-stream");
  });
});
