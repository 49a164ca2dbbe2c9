// The viewer: what is served, and that a browser shows it without leaving this machine.
import { existsSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, request, type Server } from "node:http";
import { connect, createServer as createServer2, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDocsHandlers } from "../../../../src/protocols/rest/docs/docs.ts";
import { catalogDocument } from "../../../support/servers/catalog.ts";

const CHROMIUM = "/usr/bin/chromium";

const json = JSON.stringify(catalogDocument());
const read = async () => Buffer.from(json);
const viewer = join(import.meta.dirname, "../../../../third_party/swagger-ui");
const handle = createDocsHandlers({
  viewer,
  documents: [
    { name: "catalog", title: "Catalog", path: "/openapi.json", read },
    { name: "other", title: "Other & more", path: "/openapi/other.json", read },
  ],
});
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((incoming, response) => {
    if (!handle(incoming, response)) response.writeHead(404).end("not the docs");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function call(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on("error", reject)
      .end();
  });
}

describe("over HTTP/1.1", () => {
  test("the document is JSON that any origin may read, with a tag", async () => {
    const { status, headers, body } = await call("GET", "/openapi.json");
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-cache",
      "access-control-allow-origin": "*",
      "content-length": String(Buffer.byteLength(json)),
      etag: expect.stringMatching(/^"[\w-]{27}"$/),
    });
    expect(body.toString()).toBe(json);
  });

  test("HEAD has the same headers and no body", async () => {
    const got = await call("GET", "/openapi.json");
    const head = await call("HEAD", "/openapi.json");
    const { date: _, ...headers } = got.headers;
    expect(head.status).toBe(200);
    expect(head.headers).toMatchObject(headers);
    expect(head.body.length).toBe(0);
  });

  test("a tag that is still current is 304", async () => {
    const { headers } = await call("GET", "/docs");
    const again = await call("GET", "/docs", { "if-none-match": `"x", W/${headers.etag}` });
    expect(again.status).toBe(304);
    expect(again.headers.etag).toBe(headers.etag);
    expect(again.body.length).toBe(0);
    expect((await call("GET", "/docs", { "if-none-match": `"x"` })).status).toBe(200);
  });

  test("gzip is given to those that ask for it, with a tag of its own", async () => {
    const plain = await call("GET", "/openapi.json", { "accept-encoding": "gzip;q=0" });
    const zipped = await call("GET", "/openapi.json", { "accept-encoding": "br, gzip" });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(zipped.headers).toMatchObject({ "content-encoding": "gzip", vary: "accept-encoding" });
    expect(gunzipSync(zipped.body).toString()).toBe(json);
    expect(zipped.headers.etag).not.toBe(plain.headers.etag);
  });

  test("the page allows nothing but this server's own files", async () => {
    const { status, headers, body } = await call("GET", "/docs?x=1");
    expect(status).toBe(200);
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(body.toString()).not.toMatch(/https?:\/\//);
  });

  test("another method is 405", async () => {
    const { status, headers } = await call("POST", "/docs");
    expect(status).toBe(405);
    expect(headers.allow).toBe("GET, HEAD");
  });

  test("the root leads to the page", async () => {
    const { status, headers } = await call("GET", "/");
    expect([status, headers.location]).toEqual([302, "/docs"]);
  });

  test("a slash too many leads to the page", async () => {
    const { status, headers } = await call("GET", "/docs/");
    expect([status, headers.location]).toEqual([308, "/docs"]);
  });

  test.each(["/docsx", "/docs/../package.json", "/docs/none.js", "/openapi", "/docs/catalog"])(
    "%s is left to others",
    async (path) => {
      expect((await call("GET", path)).body.toString()).toBe("not the docs");
    },
  );
});

test("the same is served over HTTP/2", async () => {
  const server2: Http2Server = createServer2((incoming, response) => {
    handle(incoming, response);
  });
  await new Promise<void>((resolve) => server2.listen(0, "127.0.0.1", resolve));
  const session = connect(`http://127.0.0.1:${(server2.address() as AddressInfo).port}`);
  try {
    const stream = session.request({ ":path": "/openapi.json" });
    const chunks: Buffer[] = [];
    const status = new Promise((resolve) => stream.on("response", (headers) => resolve(headers[":status"])));
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(await status).toBe(200);
    expect(Buffer.concat(chunks).toString()).toBe(json);
  } finally {
    session.close();
    server2.close();
  }
});

test("documents that are served at one place, or with names unfit for a path, are refused", () => {
  const document = { name: "a", title: "A", path: "/a.json", read };
  expect(() => createDocsHandlers({ documents: [], viewer })).toThrow("there is no document to serve");
  expect(() => createDocsHandlers({ documents: [document, document], viewer })).toThrow(
    "two things are to be served at /a.json",
  );
  expect(() => createDocsHandlers({ documents: [{ ...document, name: "a/b" }], viewer })).toThrow(
    "a/b is no name for a document",
  );
});

describe.skipIf(!existsSync(CHROMIUM))(`in a browser (needs ${CHROMIUM})`, () => {
  test.each([
    ["/docs", "Catalog"],
    ["/docs/other", "Other & more"],
  ])("%s shows the operations, and nothing leaves this machine", async (path, title) => {
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("request", (sent) => asked.push(sent.url()));
      await page.goto(`http://127.0.0.1:${port}${path}`);
      await page.locator(".opblock").first().waitFor();
      expect(await page.title()).toBe(title);
      expect(await page.locator("nav a[aria-current]").textContent()).toBe(title);
      expect(await page.locator(".opblock").count()).toBe(14);
      await page.locator(".opblock", { hasText: "Adds a book" }).first().click();
      await page.getByText("Books are never lost").first().waitFor();
      expect(asked.filter((url) => !url.startsWith(`http://127.0.0.1:${port}/`) && !url.startsWith("data:"))).toEqual(
        [],
      );
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
