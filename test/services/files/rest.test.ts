// Files over REST: raw bodies and forms in, whole files and ranges out, and nothing that runs in a browser.
import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Person, PIXEL, personOf, sha256 } from "../../support/calls/files.ts";
import { type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let ann: Person;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_FILE_MAX: "1MiB", COLLOQUY_FILE_QUOTA: "3MiB" } });
  ann = await person();
});
afterAll(() => server.close());

async function person(): Promise<Person> {
  const tenant = await server.tenant();
  await tenant.addMember("ann");
  return personOf(server, await tenant.token("ann"));
}

type Json = Record<string, unknown>;
const post = async (
  query: string,
  body: BodyInit | null,
  headers: Record<string, string> = {},
  who = ann,
): Promise<[status: number, json: Json, location: string | null]> => {
  const response = await who.rest(`/v1/files${query}`, { method: "POST", body, headers });
  return [response.status, (await response.json()) as Json, response.headers.get("location")];
};
const content = (id: unknown, headers: Record<string, string> = {}, who = ann) =>
  who.rest(`/v1/files/${id}/content`, { headers });

describe("POST /v1/files", () => {
  test("takes a body as it is, with its name in the query", async () => {
    const [status, file, location] = await post("?name=pixel%20%C3%BC.png", PIXEL, { "content-type": "image/png" });
    expect([status, location]).toEqual([201, `/v1/files/${file.id}`]);
    expect(file).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: "pixel ü.png",
      mediaType: "image/png",
      purpose: "",
      size: String(PIXEL.length),
      sha256: sha256(PIXEL),
      width: 1,
      height: 1,
      uploader: { type: "ACTOR_TYPE_MEMBER", id: "ann" },
      createTime: expect.any(String),
    });
    expect(await (await ann.rest(location ?? "")).json()).toEqual(file);
    const answer = await content(file.id);
    expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, PIXEL]);
  });

  test("stores nothing of a body that has another checksum than its request says", async () => {
    const base64 = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest("base64");
    const form = Buffer.from('--x\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nhello\r\n--x--\r\n');
    const bodies: [body: Buffer<ArrayBuffer>, headers: Record<string, string>][] = [
      [Buffer.from("hello"), {}],
      [Buffer.alloc(0), {}],
      [Buffer.alloc(300_000, "a"), {}],
      [form, { "content-type": "multipart/form-data; boundary=x" }],
      [gzipSync("hello"), { "content-encoding": "gzip" }],
    ];
    const headersOf = (bytes: Uint8Array) => [
      ["content-md5", base64("md5", bytes)],
      ["content-digest", `sha-256=:${base64("sha256", bytes)}:, new-256=:AAAA:`],
      ["repr-digest", `sha-512=:${base64("sha512", bytes)}:;a=1`],
      ["digest", `SHA-256=${base64("sha256", bytes)},sha=${base64("sha1", bytes)}`],
    ];
    const tenant = await server.tenant();
    const own = personOf(server, (await tenant.key("read", "write")).credential);
    for (const [body, more] of bodies) {
      for (const [name = "", value = ""] of headersOf(body)) {
        expect([name, (await post("", body, { ...more, [name]: value }, own))[0]]).toEqual([name, 201]);
      }
    }
    const before = (await own.files.listFiles({})).files.length;
    for (const [body, more] of bodies) {
      for (const [name = "", value = ""] of headersOf(Buffer.from("other"))) {
        const [status, { message }] = await post("", body, { ...more, [name]: value }, own);
        expect([status, message]).toEqual([400, `${name}: must be that of the bytes that have come`]);
      }
    }
    const unknown = await post("", "hello", { "content-digest": "crc32c=:AAAA:" }, own);
    expect(unknown[1].message).toBe("content-digest: must have one of md5, sha, sha-256, sha-512");
    for (const [name = "", example] of [
      ["content-md5", "base64"],
      ["content-digest", "sha-256=:base64:"],
      ["digest", "sha-256=base64"],
    ]) {
      expect((await post("", "hello", { [name]: "sha-256" }, own))[1].message).toBe(
        `${name}: must be such as ${example}`,
      );
    }
    expect((await own.files.listFiles({})).files).toHaveLength(before);
  });

  test("takes a form with one file, and its name without a path", async () => {
    const form = new FormData();
    form.set("note", "before");
    form.set("file", new File([PIXEL], "C:\\temp\\пиксель.png", { type: "text/html" }));
    const [status, file] = await post("", form);
    expect([status, file.name, file.mediaType, file.sha256]).toEqual([201, "пиксель.png", "image/png", sha256(PIXEL)]);
    const more = new FormData();
    more.append("a", new File(["a"], "a"));
    more.append("b", new File(["b"], "b"));
    expect((await post("", more))[1].message).toBe("body: must hold one file");
    const none = new FormData();
    none.set("a", "b");
    expect((await post("", none))[1].message).toBe("body: must hold a file");
    for (const name of ["a\xff.txt", "\xc3("]) {
      const bad = `--x\r\ncontent-disposition: form-data; name="f"; filename="${name}"\r\n\r\nbytes\r\n--x--\r\n`;
      const sent = await post("", Buffer.from(bad, "latin1"), { "content-type": "multipart/form-data; boundary=x" });
      expect([sent[0], sent[1].message]).toEqual([400, "name: must be valid UTF-8, without U+FFFD"]);
    }
    const cut = '--x\r\ncontent-disposition: form-data; name="f"; filename="f"\r\n\r\nhalf';
    const [code, problem] = await post("", cut, { "content-type": "multipart/form-data; boundary=x" });
    expect([code, problem.message]).toEqual([400, "the form cannot be read"]);
    expect((await post("", "x", { "content-type": "multipart/form-data" }))[1].message).toBe(
      "the form has no boundary in its content type",
    );
  });

  test("tells the type of a large file from its beginning", async () => {
    const large = new Uint8Array(Buffer.concat([PIXEL, Buffer.alloc(900_000)]));
    const [status, file] = await post("", large, { "content-type": "application/octet-stream" });
    expect([status, file.mediaType, file.width, file.sha256]).toEqual([201, "image/png", 1, sha256(large)]);
  });

  test("takes an empty file, and a compressed body", async () => {
    const [status, file] = await post("?name=empty", null);
    expect([status, file.size, file.mediaType, file.name]).toEqual([201, "0", "text/plain", "empty"]);
    expect(await (await content(file.id)).text()).toBe("");
    const zipped = new Response(new Blob(["hello"]).stream().pipeThrough(new CompressionStream("gzip")));
    const bytes = await zipped.arrayBuffer();
    const [, inflated] = await post("", bytes, { "content-encoding": "gzip" });
    expect(inflated.size).toBe("5");
  });

  test.each([
    ["..%2F..%2Fetc%2Fpasswd", "name: must be a name without a path"],
    ["..", "name: must be a name without a path"],
    ["a%5Cb", "name: must be a name without a path"],
    ["a%0Ab", "name: must have no control characters, and none that turn the direction of text"],
    ["exe%E2%80%AEgpj", "name: must have no control characters, and none that turn the direction of text"],
    ["exe%E2%80%8Fgpj", "name: must have no control characters, and none that turn the direction of text"],
    ["exe%D8%9Cgpj", "name: must have no control characters, and none that turn the direction of text"],
    ["x".repeat(256), "name: must be at most 255 characters"],
  ])("refuses the name %s", async (name, message) => {
    const [status, problem] = await post(`?name=${name}`, "x");
    expect([status, problem.message]).toEqual([400, message]);
  });

  test("refuses what is too large, and what the tenant has no room for, each with a reason of its own", async () => {
    const own = await person();
    const reasonOf = ({ details }: Json) => (details as Json[])[0]?.reason;
    const [status, large] = await post("", randomBytes(2 ** 20 + 1), {}, own);
    expect([status, reasonOf(large), large.message]).toEqual([
      413,
      "TOO_LARGE",
      "a file may have at most 1048576 bytes",
    ]);
    for (let n = 0; n < 3; n++) expect((await post("", randomBytes(2 ** 20), {}, own))[0]).toBe(201);
    const [full, problem] = await post("", "x", {}, own);
    expect([full, reasonOf(problem), problem.message]).toEqual([
      429,
      "FILE_QUOTA_EXCEEDED",
      "the files of the tenant may take at most 3145728 bytes together",
    ]);
    const [first] = (await own.files.listFiles({})).files;
    await own.files.deleteFile({ fileId: first?.id ?? "" });
    expect((await post("", "x", {}, own))[0]).toBe(201);
  });

  test("counts what uploads under way hold, and gives it back when they end", async () => {
    const own = await person();
    const bodies = Array.from({ length: 4 }, () => {
      let end = () => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(randomBytes(900 * 1024));
          end = () => controller.close();
        },
      });
      return { body, end: () => end() };
    });
    const refused = Promise.withResolvers<void>();
    const uploads = bodies.map(async ({ body }) => {
      const init = { method: "POST", body, duplex: "half" } as RequestInit;
      const { status } = await own.rest("/v1/files", init);
      if (status === 429) refused.resolve();
      return status;
    });
    // None has ended: together they hold more than the tenant may have.
    await refused.promise;
    for (const { end } of bodies) end();
    expect(new Set(await Promise.all(uploads))).toContain(429);
    for (const { id } of (await own.files.listFiles({})).files) await own.files.deleteFile({ fileId: id });
    for (let n = 0; n < 3; n++) expect((await post("", randomBytes(2 ** 20), {}, own))[0]).toBe(201);
  });

  test("acts once for an idempotency key, and refuses it for other bytes", async () => {
    const key = { "idempotency-key": "upload-1" };
    const [, first] = await post("?name=a", "same", key);
    const [status, again] = await post("?name=a", "same", key);
    expect([status, again]).toEqual([201, first]);
    const [refused, problem] = await post("?name=a", "other", key);
    expect([refused, problem.message]).toEqual([
      400,
      "request_id: it was used before with another request; take a new one for each request",
    ]);
  });
});

describe("GET /v1/files/{id}/content", () => {
  const bytes = randomBytes(100_000);
  let id: unknown;
  beforeAll(async () => {
    id = (await post("?name=b%22%C3%BC.bin", bytes))[1].id;
  });

  test("carries an etag, a name that every browser reads, and no permission to run or to guess", async () => {
    const answer = await content(id);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      "content-disposition": `attachment; filename="b__.bin"; filename*=UTF-8''b%22%C3%BC.bin`,
      "content-length": "100000",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
      "content-type": "application/octet-stream",
      etag: `"${sha256(bytes)}"`,
      "x-content-type-options": "nosniff",
    });
    expect(sha256(await answer.bytes())).toBe(sha256(bytes));
  });

  test.each([
    ["bytes=0-0", 206, "bytes 0-0/100000", [0, 1]],
    ["bytes=99999-", 206, "bytes 99999-99999/100000", [99_999, 100_000]],
    ["bytes=-5", 206, "bytes 99995-99999/100000", [99_995, 100_000]],
    ["bytes=10-2000000", 206, "bytes 10-99999/100000", [10, 100_000]],
    ["bytes=-2000000", 206, "bytes 0-99999/100000", [0, 100_000]],
    ["bytes=100000-", 416, "bytes */100000", [0, 0]],
    ["bytes=-0", 416, "bytes */100000", [0, 0]],
    ["bytes=10-99999999999999999999", 206, "bytes 10-99999/100000", [10, 100_000]],
    ["bytes=-99999999999999999999", 206, "bytes 0-99999/100000", [0, 100_000]],
    ["bytes=18446744073709551616-", 416, "bytes */100000", [0, 0]],
    ["bytes=18446744073709551617-18446744073709551616", 200, null, [0, 100_000]],
    ["bytes=5-2", 200, null, [0, 100_000]],
    ["bytes=0-1,5-6", 200, null, [0, 100_000]],
    ["bytes=a-b", 200, null, [0, 100_000]],
    ["items=0-1", 200, null, [0, 100_000]],
  ] as const)("answers Range: %s with %i", async (range, status, contentRange, [from, to]) => {
    const answer = await content(id, { range });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
    expect(Buffer.compare(await answer.bytes(), bytes.subarray(from, to))).toBe(0);
  });

  test("answers If-None-Match with 304, and gives a range only of the version that If-Range names", async () => {
    const etag = `"${sha256(bytes)}"`;
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const answer = await content(id, { "if-none-match": known });
      expect([answer.status, await answer.text(), answer.headers.get("etag")]).toEqual([304, "", etag]);
    }
    expect((await content(id, { "if-none-match": '"x"' })).status).toBe(200);
    expect((await content(id, { range: "bytes=0-1", "if-range": etag })).status).toBe(206);
    expect((await content(id, { range: "bytes=0-1", "if-range": '"x"' })).status).toBe(200);
  });

  test("answers HEAD with the headers alone", async () => {
    const answer = await ann.rest(`/v1/files/${id}/content`, { method: "HEAD" });
    expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([200, "100000", ""]);
    // RFC 9110 §14.2: a range is for GET alone.
    const ranged = await ann.rest(`/v1/files/${id}/content`, { method: "HEAD", headers: { range: "bytes=0-1" } });
    expect([ranged.status, ranged.headers.get("content-length"), ranged.headers.get("content-range")]).toEqual([
      ...[200, "100000", null],
    ]);
  });

  test("answers If-Match with another version with 412", async () => {
    const etag = `"${sha256(bytes)}"`;
    for (const match of [etag, `"x", ${etag}`, "*"]) {
      expect((await content(id, { "if-match": match })).status).toBe(200);
    }
    for (const match of ['"x"', `W/${etag}`]) {
      const answer = await content(id, { "if-match": match, range: "bytes=0-1" });
      expect([answer.status, await answer.json()]).toMatchObject([
        412,
        { message: "If-Match names none of the versions of the file", details: [{ reason: "ETAG_MISMATCH" }] },
      ]);
    }
  });

  test.each<[name: string, body: string | Buffer<ArrayBuffer>, said: string, type: string, disposition: string]>([
    ["a picture", PIXEL, "", "image/png", "inline"],
    ["a picture that is said to be HTML", PIXEL, "text/html", "image/png", "inline"],
    ["HTML that is said to be a picture", "<script>alert(1)</script>", "image/png", "text/plain", "attachment"],
    ["HTML", "<!doctype html><script>alert(1)</script>", "text/html; charset=utf-8", "text/html", "attachment"],
    [
      "SVG",
      '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
      "image/svg+xml",
      "image/svg+xml",
      "attachment",
    ],
    ["XML that is SVG", '<?xml version="1.0"?><svg/>', "image/svg+xml", "image/svg+xml", "attachment"],
    ["a PDF", "%PDF-1.7\n%\u00e2\n", "", "application/pdf", "inline"],
    [
      "HTML behind the beginning of a picture",
      Buffer.concat([Buffer.from("GIF89a"), Buffer.from("<script>")]),
      "text/html",
      "image/gif",
      "inline",
    ],
    ["text", "a,b\n1,2\n", "text/csv", "text/csv", "attachment"],
    [
      "bytes that are said to be text",
      Buffer.from([1, 0, 255]),
      "text/plain",
      "application/octet-stream",
      "attachment",
    ],
    ["a type that is none", "x", "no type", "text/plain", "attachment"],
  ])("tells what %s is by its bytes", async (_, body, said, type, disposition) => {
    const [, file] = await post("?name=f", body, { "content-type": said });
    const answer = await content(file.id);
    expect([file.mediaType, answer.headers.get("content-type")]).toEqual([type, type]);
    expect(answer.headers.get("content-disposition")).toBe(`${disposition}; filename="f"`);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });
});
