// REST in front of the real pipeline, on the real server beside the other wires.
import { request as http1Request } from "node:http";
import { connect, constants } from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REST_FAILURES } from "../../../src/app/rest-errors.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { createCallSignal } from "../../../src/pipeline/call/deadline.ts";
import { createLifecycle } from "../../../src/pipeline/lifecycle.ts";
import { createPipeline } from "../../../src/pipeline/pipeline.ts";
import type { Mount } from "../../../src/protocols/rest/binding/mount.ts";
import { createRest } from "../../../src/protocols/rest/rest.ts";
import { createServer, type Server } from "../../../src/server/server.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { LibraryService } from "../../gen/colloquy/test/v1/rest_pb.ts";
import { libraryHandlers } from "../../support/servers/library.ts";

const seen = { entered: 0, aborted: 0 };
const lines: Record<string, unknown>[] = [];
const handlers = {
  ...libraryHandlers({ watched: 0, watchEnded: false, imported: 0, gate: async () => {} }),
  deleteBook: async ({ etag }: { etag: string }) => {
    throw new DomainError(ErrorReason.ETAG_MISMATCH, `the etag is not ${etag}`);
  },
  restoreBook: (_: unknown, { signal }: { signal: AbortSignal }) => {
    seen.entered++;
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => {
        seen.aborted++;
        reject(signal.reason);
      }),
    );
  },
};

let server: Server;
let url: string;
beforeAll(async () => {
  const lifecycle = createLifecycle();
  const metrics = createMetrics();
  const logger = createLogger({ destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const authenticate = (head: { header(name: string): string | undefined }) => {
    if (head.header("authorization") !== undefined) return { kind: "anonymous" } as const;
    throw new DomainError(ErrorReason.CREDENTIAL_MISSING, "a credential is needed");
  };
  const services = [{ service: LibraryService, handlers, open: false }];
  const pipeline = createPipeline({ services, authenticate, lifecycle, metrics, logger });
  const mounts: Mount[] = [{ name: "library", serves: [LibraryService] }];
  const createSignal = (deadline: number | undefined) => createCallSignal(deadline, lifecycle.stopping);
  const rest = createRest({ pipeline, mounts, createSignal, ...REST_FAILURES });
  server = createServer({
    pipeline,
    lifecycle,
    handlers: [(request, response) => rest.handle(request, response)],
    host: "127.0.0.1",
    port: 0,
    cors: { origins: [], loopback: true },
    ready: async () => true,
    metrics,
    logger,
  });
  ({ url } = await server.listen());
});
afterAll(() => server.close({ deadlineMs: 100 }));

async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url + path, { ...init, headers: { authorization: "yes", ...init.headers } });
  const text = await response.text();
  return { status: response.status, body: text === "" ? "" : JSON.parse(text) };
}

const errorInfo = (reason: string) => ({
  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
  reason,
  domain: "colloquy",
});

describe("REST through the pipeline", () => {
  it("answers what the service says", async () => {
    expect(await ask("/t1/books/7")).toMatchObject({ status: 200, body: { bookId: "7", title: "Emma" } });
    const response = await fetch(`${url}/t1/watch/a?count=2`, { headers: { authorization: "yes" } });
    expect((await response.text()).split("\n")).toHaveLength(3);
  });

  it("needs a credential, before anything else is looked at", async () => {
    const response = await fetch(`${url}/t1/books`, {
      method: "POST",
      body: "{",
      headers: { "content-type": "text/plain" },
    });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await response.json()).toMatchObject({ code: 16, details: [errorInfo("CREDENTIAL_MISSING")] });
  });

  it("gives its own problems a reason of the contract", async () => {
    expect(await ask("/t1/nope")).toEqual({
      status: 404,
      body: { code: 5, message: "there is nothing at this path", details: [errorInfo("NOT_FOUND")] },
    });
    expect(await ask("/t1/books?pageSize=x")).toMatchObject({
      status: 400,
      body: {
        code: 3,
        details: [errorInfo("INVALID_FIELD"), { fieldViolations: [{ field: "page_size", reason: "INT32" }] }],
      },
    });
    const malformed = await ask("/t1/books", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{",
    });
    expect(malformed).toMatchObject({ status: 400, body: { code: 3, details: [errorInfo("MALFORMED_BODY")] } });
  });

  it("says which rule of the contract a field breaks", async () => {
    expect(await ask(`/t1/books/${"x".repeat(65)}`)).toMatchObject({
      status: 400,
      body: { code: 3, details: [errorInfo("INVALID_FIELD"), { fieldViolations: [{ field: "book_id" }] }] },
    });
  });

  it("answers 412 where the version does not match", async () => {
    const answer = await ask("/t1/books/7", { method: "DELETE", headers: { "if-match": '"v9"' } });
    expect(answer).toMatchObject({
      status: 412,
      body: { code: 10, message: "the etag is not v9", details: [errorInfo("ETAG_MISMATCH")] },
    });
  });

  it("hides and logs a fault nobody foresaw", async () => {
    const headers = { "x-request-id": "crash-1" };
    expect(await ask("/t1/books/crash", { headers })).toMatchObject({
      status: 500,
      body: { message: "internal error" },
    });
    expect(lines.find((line) => line.requestId === "crash-1")).toMatchObject({ wire: "rest" });
  });

  it("keeps the deadline that the caller names in seconds", async () => {
    const headers = { "x-server-timeout": "0.05" };
    expect(await ask("/t1/books/7:restore", { method: "POST", headers })).toMatchObject({
      status: 504,
      body: { code: 4 },
    });
    const bad = await ask("/t1/books/7", { headers: { "x-server-timeout": "soon" } });
    expect(bad).toMatchObject({
      status: 400,
      body: { message: "x-server-timeout: must be a number of seconds, such as 2.5" },
    });
  });

  /** Begins a call that does not end by itself, each in its own way of leaving it. */
  const leave: Readonly<Record<string, (path: string) => () => void>> = {
    "HTTP/1.1, by the connection": (path) => {
      const request = http1Request(url + path, { method: "POST", headers: { authorization: "yes" } });
      request.on("error", () => {}).end();
      return () => request.destroy();
    },
    "HTTP/2, by a reset": (path) => begin(path)[0],
    "HTTP/2, by the connection": (path) => begin(path)[1],
  };
  function begin(path: string): [reset: () => void, destroy: () => void] {
    const session = connect(url).on("error", () => {});
    const head = { ":path": path, ":method": "POST", authorization: "yes" };
    const stream = session
      .request(head)
      .on("error", () => {})
      .end();
    const reset = () => {
      stream.close(constants.NGHTTP2_CANCEL);
      stream.once("close", () => session.close());
    };
    return [reset, () => session.destroy()];
  }

  it.each(Object.keys(leave))("ends a call whose caller leaves: %s", async (way) => {
    const { entered, aborted } = seen;
    const go = leave[way]?.("/t1/books/7:restore");
    await expect.poll(() => seen.entered).toBe(entered + 1);
    go?.();
    await expect.poll(() => seen.aborted).toBe(aborted + 1);
  });

  it("leaves other paths to the other wires", async () => {
    const response = await fetch(`${url}/colloquy.test.v1.LibraryService/GetBook`, {
      method: "POST",
      headers: { authorization: "yes", "content-type": "application/json" },
      body: '{"bookId":"7"}',
    });
    expect(await response.json()).toMatchObject({ book: { bookId: "7" } });
  });
});
