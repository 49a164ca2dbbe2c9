// HTTP as its users know it, over HTTP/1.1 and HTTP/2 alike.
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLibrary, serveHttp1, serveHttp2, type TestServer } from "../../support/servers/library.ts";

const json = { "content-type": "application/json" };

describe.each([
  ["HTTP/1.1", serveHttp1],
  ["HTTP/2", serveHttp2],
])("over %s", (_, serve) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await serve(
      createLibrary({
        mount: { maxBodyBytes: 10_000 },
        reasonStatus: {},
        admit: (head) => {
          if (head.header("authorization") === "bad")
            throw new ConnectError("no such credential", Code.Unauthenticated);
        },
      }).rest,
    );
  });
  afterAll(() => server.close());

  describe("an answer", () => {
    it("is the bare resource, with implicit fields written out", async () => {
      const answer = await server.ask("/t1/books/7");
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe("application/json");
      expect(answer.headers["content-length"]).toBe(String(answer.body.byteLength));
      expect(answer.json()).toEqual({ bookId: "7", title: "Emma", pages: 0, lent: false, etag: "v1", authors: [] });
    });

    it("comes through an additional binding too", async () => {
      expect((await server.ask("/t1/shelves/left/books/7")).json()).toMatchObject({
        bookId: "7",
        title: "Emma on left",
      });
    });

    it("of a creation is 201 and says where", async () => {
      const answer = await server.ask("/t1/books", { method: "POST", headers: json, body: `{"bookId":"a b/ü"}` });
      expect([answer.status, answer.headers.location]).toEqual([201, "/t1/books/a%20b%2F%C3%BC"]);
    });

    it("of 204 has no body", async () => {
      const answer = await server.ask("/t1/books/7", { method: "DELETE" });
      expect([answer.status, answer.text, answer.headers["content-type"]]).toEqual([204, "", undefined]);
    });

    it("may be a bare array", async () => {
      const answer = await server.ask("/t1/books?pageSize=2&tag=a&tag=b");
      expect(answer.json()).toMatchObject([{ bookId: "1", title: "Book a+b" }, { bookId: "2" }]);
    });

    it("carries the caller's request id, or a new one", async () => {
      expect((await server.ask("/t1/books/7", { headers: { "x-request-id": "r1" } })).headers["x-request-id"]).toBe(
        "r1",
      );
      expect((await server.ask("/t1/nope", { headers: { "x-request-id": "r1" } })).headers["x-request-id"]).toBe("r1");
      expect((await server.ask("/t1/nope", { headers: { "x-request-id": "r 1" } })).headers["x-request-id"]).toMatch(
        /^[0-9a-f-]{36}$/,
      );
    });
  });

  describe("a failure", () => {
    it("is google.rpc.Status", async () => {
      const answer = await server.ask("/t1/books/missing");
      expect([answer.status, answer.headers["content-type"]]).toEqual([404, "application/json"]);
      expect(answer.json()).toEqual({ code: 5, message: "book not found", details: [] });
    });

    it("of the server shows nothing of it", async () => {
      const answer = await server.ask("/t1/books/crash");
      expect([answer.status, answer.json()]).toEqual([500, { code: 13, message: "internal error", details: [] }]);
    });

    it("of the credential comes before the body is looked at, and says how to authenticate", async () => {
      const headers = { authorization: "bad", "content-type": "text/plain" };
      const answer = await server.ask("/t1/books", { method: "POST", headers, body: "{" });
      expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    });
  });

  it("an unknown path is 404", async () => {
    const answer = await server.ask("/t1/nope");
    expect([answer.status, answer.json()]).toEqual([
      404,
      { code: 5, message: "there is nothing at this path", details: [] },
    ]);
  });

  it("a wrong method is 405 with Allow", async () => {
    const answer = await server.ask("/t1/books", { method: "PATCH" });
    expect([answer.status, answer.headers.allow]).toEqual([405, "DELETE, GET, HEAD, OPTIONS, POST"]);
    expect(answer.json()).toEqual({
      code: 12,
      message: "the path takes DELETE, GET, HEAD, OPTIONS, POST",
      details: [],
    });
  });

  it("OPTIONS says what a path takes", async () => {
    const answer = await server.ask("/t1/books/7", { method: "OPTIONS" });
    expect([answer.status, answer.headers.allow, answer.text]).toEqual([
      204,
      "DELETE, GET, HEAD, OPTIONS, PATCH, PUT",
      "",
    ]);
    expect((await server.ask("/t1/nope", { method: "OPTIONS" })).status).toBe(404);
  });

  it("HEAD has the headers of GET and no body", async () => {
    const get = await server.ask("/t1/books/7");
    const head = await server.ask("/t1/books/7", { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const name of ["content-type", "content-length", "etag"])
      expect(head.headers[name], name).toBe(get.headers[name]);
    expect((await server.ask("/t1/books/missing", { method: "HEAD" })).status).toBe(404);
  });

  it("a custom method and a wildcard method are served", async () => {
    expect((await server.ask("/t1/cache/a/b", { method: "PURGE" })).status).toBe(200);
    expect((await server.ask("/t1/any", { method: "REPORT" })).status).toBe(200);
    expect((await server.ask("/t1/any", { method: "OPTIONS" })).status).toBe(200);
  });

  describe("Accept", () => {
    it.each([
      [undefined, 200],
      ["", 200],
      ["*/*", 200],
      ["application/*", 200],
      ["application/json", 200],
      ["APPLICATION/JSON", 200],
      ["application/json;charset=utf-8", 200],
      ["text/html, application/json;q=0.1", 200],
      ["text/html,*/*;q=0.8", 200],
      ["application/json ; q=0.001", 200],
      ["text/html", 406],
      ["text/*", 406],
      ["application/json;q=0", 406],
      ["application/json;q=0, */*", 406],
      ["*/*;q=0", 406],
      ["application/x-ndjson", 406],
    ])("%j is %i", async (accept, status) => {
      const answer = await server.ask("/t1/books/7", accept === undefined ? {} : { headers: { accept } });
      expect(answer.status).toBe(status);
      if (status === 406)
        expect(answer.json()).toMatchObject({ code: 3, message: "accept: must allow application/json" });
    });
  });

  describe("Content-Type", () => {
    it.each([
      ["application/json", 201],
      ["application/json; charset=utf-8", 201],
      ['Application/JSON;charset="UTF-8"', 201],
      [undefined, 415],
      ["application/json; charset=latin1", 415],
      ["application/merge-patch+json", 415],
      ["application/x-www-form-urlencoded", 415],
      ["text/json", 415],
      ["", 415],
    ])("%j is %i", async (type, status) => {
      const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
      const answer = await server.ask("/t1/books", { method: "POST", headers, body: "{}" });
      expect(answer.status).toBe(status);
      if (status === 415) expect(answer.headers.accept).toBe("application/json");
    });

    it("is not asked for where there is no body", async () => {
      expect((await server.ask("/t1/books/7", { headers: { "content-type": "text/plain" } })).status).toBe(200);
    });
  });

  describe("compression", () => {
    const big = "/t1/books?pageSize=200";

    it.each([
      [undefined, undefined],
      ["", undefined],
      ["gzip", "gzip"],
      ["br", "br"],
      ["gzip, br", "br"],
      ["br;q=0.5, gzip", "gzip"],
      ["GZIP;q=1.0", "gzip"],
      ["*", "br"],
      ["br;q=0, *", "gzip"],
      ["gzip;q=0", undefined],
      ["identity", undefined],
      ["identity, gzip;q=0.5", undefined],
      ["gzip;q=0.5, identity;q=0.1", "gzip"],
      ["deflate", undefined],
    ])("asked for as %j is %s", async (accept, coding) => {
      const answer = await server.ask(big, accept === undefined ? {} : { headers: { "accept-encoding": accept } });
      expect([answer.headers["content-encoding"], answer.headers.vary]).toEqual([coding, "accept-encoding"]);
      const body =
        coding === "gzip" ? gunzipSync(answer.body) : coding === "br" ? brotliDecompressSync(answer.body) : answer.body;
      expect(JSON.parse(body.toString())).toHaveLength(200);
      expect(answer.headers["content-length"]).toBe(String(answer.body.byteLength));
    });

    it("is not worthwhile for a short answer", async () => {
      const answer = await server.ask("/t1/books/7", { headers: { "accept-encoding": "gzip" } });
      expect(answer.headers["content-encoding"]).toBeUndefined();
    });
  });

  describe("a compressed request", () => {
    const post = (coding: string, body: Uint8Array) =>
      server.ask("/t1/books", { method: "POST", headers: { ...json, "content-encoding": coding }, body });
    const book = JSON.stringify({ title: "Persuasion" });

    it.each([
      ["gzip", gzipSync(book)],
      ["GZIP", gzipSync(book)],
      ["br", brotliCompressSync(book)],
      ["deflate", deflateSync(book)],
      ["identity", Buffer.from(book)],
    ])("in %s is read", async (coding, body) => {
      const answer = await post(coding, body);
      expect([answer.status, answer.json()]).toMatchObject([201, { title: "Persuasion" }]);
    });

    it("that unpacks to more than the limit is 413", async () => {
      const answer = await post("gzip", gzipSync(Buffer.alloc(5_000_000, " ")));
      expect([answer.status, answer.json()]).toMatchObject([
        413,
        { code: 8, message: "a request message may have at most 10000 bytes, also once decompressed" },
      ]);
      expect((await post("br", brotliCompressSync(Buffer.alloc(5_000_000, " ")))).status).toBe(413);
    });

    it("that is no such thing is 400", async () => {
      const answer = await post("gzip", Buffer.from(book));
      expect([answer.status, answer.json()]).toMatchObject([
        400,
        { message: "the body is not what its content-encoding says" },
      ]);
      expect((await post("gzip", gzipSync(book).subarray(0, 12))).status).toBe(400);
    });

    it("in an unknown coding is 415 and says what would do", async () => {
      const answer = await post("zstd", Buffer.from(book));
      expect([answer.status, answer.headers["accept-encoding"]]).toEqual([415, "gzip, br, deflate"]);
      expect((await post("gzip, br", Buffer.from(book))).status).toBe(415);
    });
  });

  it("a body past the limit is 413, whether it says so or not", async () => {
    const body = JSON.stringify({ title: "x".repeat(10_000) });
    expect((await server.ask("/t1/books", { method: "POST", headers: json, body })).status).toBe(413);
    const fits = JSON.stringify({ title: "x".repeat(9_000) });
    expect((await server.ask("/t1/books", { method: "POST", headers: json, body: fits })).status).toBe(201);
  });

  describe("conditions", () => {
    it("an etag becomes a tag, another one when it is compressed", async () => {
      expect((await server.ask("/t1/books/7")).headers.etag).toMatch(/^"v1;[\w-]{16}"$/);
      const title = "x".repeat(5000);
      const body = JSON.stringify({ title, etag: "v2" });
      const put = (accept: string) =>
        server.ask("/t1/books/7", { method: "PUT", headers: { ...json, "accept-encoding": accept }, body });
      const tag = (await put("identity")).headers.etag;
      expect(tag).toMatch(/^"v2;[\w-]{16}"$/);
      expect((await put("gzip")).headers.etag).toBe(`${tag?.slice(0, -1)};gzip"`);
    });

    it.each([
      ["TAG", 304],
      ["W/TAG", 304],
      ['"v0", TAG', 304],
      ["GZIPPED", 304],
      ["*", 304],
      ['"v0"', 200],
      // Another representation of the same version.
      ['"v1"', 200],
      ['"v1;AAAAAAAAAAAAAAAA"', 200],
      ["v1", 400],
      ['"v1" "v2"', 400],
      ["", 400],
    ])("a read If-None-Match %j is %i", async (condition, status) => {
      const { etag: tag = "" } = (await server.ask("/t1/books/7")).headers;
      const headers = {
        "if-none-match": condition.replace("TAG", tag).replace("GZIPPED", `${tag.slice(0, -1)};gzip"`),
      };
      const answer = await server.ask("/t1/books/7", { headers });
      expect(answer.status).toBe(status);
      if (status === 304) expect([answer.text, answer.headers.etag]).toEqual(["", tag]);
    });

    it.each([
      ['"v1"', 200],
      ["*", 200],
      ['"v0", "v1;br"', 200],
      ['"v1;AAAAAAAAAAAAAAAA"', 200],
      ['"v0"', 412],
      ['W/"v1"', 200],
      ['W/"v0"', 412],
    ])("a read If-Match %j is %i", async (tag, status) => {
      expect((await server.ask("/t1/books/7", { headers: { "if-match": tag } })).status).toBe(status);
    });

    const put = (ifMatch: string, etag = "") =>
      server.ask("/t1/books/7", {
        method: "PUT",
        headers: { ...json, "if-match": ifMatch },
        body: JSON.stringify({ etag }),
      });

    it.each([
      ['"v7"', "v7"],
      ['"v7;br"', "v7"],
      ['"v7;AAAAAAAAAAAAAAAA;gzip", "v7;BBBBBBBBBBBBBBBB"', "v7"],
      ['"v7", "v7;gzip", W/"v8"', "v7"],
      ['W/"v7"', "v7"],
      ["*", ""],
    ])("a write If-Match %j fills the field with %j", async (tag, etag) => {
      const answer = await put(tag);
      expect([answer.status, answer.json()]).toMatchObject([200, { etag }]);
    });

    it("a write is refused where the header and the field differ, or no one version is named", async () => {
      expect(await messageOf(put('"a"', "b"))).toBe("400 if-match: must be what etag says, or left out");
      expect(await messageOf(put('"a", "b"'))).toBe(
        "400 if-match: must be one entity tag: a write compares one version",
      );
      expect(await messageOf(put("a"))).toBe(
        "400 if-match: must be * or at most 64 quoted entity tags separated by commas",
      );
    });

    it("a write takes the version of the resource in its body", async () => {
      const headers = { ...json, "if-match": '"stale"' };
      expect(await messageOf(server.ask("/t1/books/7", { method: "PATCH", headers, body: "{}" }))).toBe(
        "409 the etag does not match",
      );
    });

    it("a write that cannot check the condition is refused", async () => {
      const headers = { ...json, "if-match": '"a"' };
      const answer = server.ask("/t1/values/whole", { method: "PUT", headers, body: "{}" });
      expect(await messageOf(answer)).toBe("400 if-match: cannot be checked by this method");
      const create = server.ask("/t1/books/7", {
        method: "PUT",
        headers: { ...json, "if-none-match": "*" },
        body: "{}",
      });
      expect(await messageOf(create)).toBe("400 if-none-match: cannot be checked by this method");
    });
  });

  it("Idempotency-Key fills the request id", async () => {
    const post = (key: string, query = "") =>
      server.ask(`/t1/books${query}`, { method: "POST", headers: { ...json, "idempotency-key": key }, body: "{}" });
    expect((await post("k1")).json()).toMatchObject({ subtitle: "k1" });
    expect((await post("k1", "?requestId=k1")).json()).toMatchObject({ subtitle: "k1" });
    expect(await messageOf(post("k1", "?requestId=k2"))).toBe(
      "400 idempotency-key: must be what request_id says, or left out",
    );
  });
});

async function messageOf(answer: Promise<{ status: number; json(): unknown }>): Promise<string> {
  const { status, json } = await answer;
  return `${status} ${(json() as { message: string }).message}`;
}

describe("a failure with a reason", () => {
  it("has the status that the mount's owner gives to the reason", async () => {
    const { ErrorInfoSchema } = await import("../../../gen/google/rpc/error_details_pb.ts");
    const error = new ConnectError("changed", Code.Aborted, undefined, [
      { desc: ErrorInfoSchema, value: { reason: "ETAG_MISMATCH", domain: "test" } },
    ]);
    const admit = () => {
      throw error;
    };
    const server = await serveHttp1(createLibrary({ admit, reasonStatus: { ETAG_MISMATCH: 412 } }).rest);
    const answer = await server.ask("/t1/books/1");
    expect([answer.status, answer.json()]).toEqual([
      412,
      {
        code: 10,
        message: "changed",
        details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "ETAG_MISMATCH", domain: "test" }],
      },
    ]);
    await server.close();
  });

  it("that may be retried says when", async () => {
    const { RetryInfoSchema } = await import("../../../gen/google/rpc/error_details_pb.ts");
    const value = { retryDelay: { seconds: 2n, nanos: 1 } };
    const admit = () => {
      throw new ConnectError("busy", Code.ResourceExhausted, undefined, [{ desc: RetryInfoSchema, value }]);
    };
    const server = await serveHttp1(createLibrary({ admit }).rest);
    const answer = await server.ask("/t1/books/1");
    expect([answer.status, answer.headers["retry-after"]]).toEqual([429, "3"]);
    await server.close();
  });
});
