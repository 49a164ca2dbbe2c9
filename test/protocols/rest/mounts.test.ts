// Several APIs on one handler, each with its own paths, errors and leniency.
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, it } from "vitest";
import type { Mount, RenderError } from "../../../src/protocols/rest/binding/mount.ts";
import { createRest } from "../../../src/protocols/rest/rest.ts";
import { LibraryService } from "../../gen/colloquy/test/v1/rest_pb.ts";
import { createFakePipeline } from "../../support/servers/fake-pipeline.ts";
import { createLibrary, serveHttp1, type TestServer } from "../../support/servers/library.ts";

const open: TestServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const { getBook, listBooks, watch, createBook } = LibraryService.method;

/** Serves the library once for each mount. */
async function serve(...mounts: Mount[]): Promise<TestServer> {
  const handlers = new Proxy(
    {},
    {
      get: () => async () => {
        throw new ConnectError("no book", Code.NotFound);
      },
    },
  );
  const pipeline = createFakePipeline({ services: [{ service: LibraryService, handlers }] });
  const server = await serveHttp1(
    createRest({ pipeline, mounts, toFailure: (problem) => new ConnectError(problem.message, problem.code) }),
  );
  open.push(server);
  return server;
}

const detail: RenderError = ({ status, error, problem, headers }, info) => ({
  status: problem?.kind === "invalid" ? 422 : status,
  headers: { ...headers, "x-dialect": "detail" },
  body: {
    detail: problem?.violations.map(({ place, field }) => ({ loc: [place, field] })) ?? error.rawMessage,
    verb: info.verb,
  },
});

describe("a mount", () => {
  it("has its own errors, for routes and paths too", async () => {
    const server = await serve(
      { name: "plain", serves: [getBook] },
      { name: "detail", serves: [getBook, listBooks], prefix: "/d", renderError: detail },
    );
    const of = async (path: string, method = "GET") => {
      const answer = await server.ask(path, { method });
      return [answer.status, answer.json()];
    };
    expect(await of("/t1/books/1")).toEqual([404, { code: 5, message: "no book", details: [] }]);
    expect(await of("/d/t1/books/1")).toEqual([404, { detail: "no book", verb: "GET" }]);
    expect(await of("/d/t1/books?pageSize=x")).toEqual([
      422,
      { detail: [{ loc: ["query", "page_size"] }], verb: "GET" },
    ]);
    expect(await of("/d/t1/nope")).toMatchObject([404, { verb: "GET" }]);
    expect(await of("/d/t1/books", "PUT")).toMatchObject([405, { verb: "PUT" }]);
    expect(await of("/d/t1//books")).toMatchObject([422, { verb: "GET" }]);
    expect((await server.ask("/d/t1/nope")).headers["x-dialect"]).toBe("detail");
  });

  it("claims the paths below its base paths, the longest first", async () => {
    const server = await serve(
      { name: "wide", serves: [getBook], basePaths: ["/t1", "/api"] },
      { name: "narrow", serves: [listBooks], basePaths: ["/t1/deep"], renderError: detail },
    );
    const kind = async (path: string) => {
      const answer = await server.ask(path);
      return answer.status === 404 ? Object.keys(answer.json() as object)[0] : answer.status;
    };
    expect(await kind("/t1/x")).toBe("code");
    expect(await kind("/api")).toBe("code");
    expect(await kind("/api/x/y")).toBe("code");
    expect(await kind("/t1/deep")).toBe("detail");
    expect(await kind("/t1/deep/x")).toBe("detail");
    expect(await kind("/t1/deeper")).toBe("code");
    expect(await kind("/apis")).toBe(599);
  });

  it("may serve a slash at the end", async () => {
    const server = await serve(
      { name: "m", serves: [listBooks], trailingSlash: true },
      { name: "n", serves: [getBook] },
    );
    expect((await server.ask("/t1/books/")).status).toBe(404);
    expect((await server.ask("/t1/books/")).json()).toMatchObject({ message: "no book" });
    expect((await server.ask("/t1/books//")).status).toBe(400);
    expect((await server.ask("/t1/books/1/")).status).toBe(400);
  });

  it("may take a header from elsewhere, and leave parameters alone", async () => {
    const seen: (string | undefined)[] = [];
    const { rest } = createLibrary({
      admit: (head) => void seen.push(head.header("authorization")),
      mount: {
        reservedParameters: ["auth_token"],
        header: (name, _, query) => (name === "authorization" ? /auth_token=([^&]*)/.exec(query)?.[1] : undefined),
      },
    });
    const server = await serveHttp1(rest);
    open.push(server);
    expect((await server.ask("/t1/books/1?auth_token=abc")).status).toBe(200);
    expect((await server.ask("/t1/books/1", { headers: { authorization: "own" } })).status).toBe(200);
    expect(seen).toEqual(["abc", "own"]);
  });

  it("has a last word on the headers of every answer", async () => {
    const { rest } = createLibrary({
      mount: {
        onResponse: (headers, { requestId, binding }) => {
          headers["x-limit"] = `${binding?.method.name ?? "none"} ${requestId}`;
        },
      },
    });
    const server = await serveHttp1(rest);
    open.push(server);
    const headers = { "x-request-id": "r" };
    const limit = async (path: string, method = "GET") =>
      (await server.ask(path, { method, headers })).headers["x-limit"];
    expect(await limit("/t1/books/1")).toBe("GetBook r");
    expect(await limit("/t1/books/missing")).toBe("GetBook r");
    expect(await limit("/t1/watch/a?count=1")).toBe("Watch r");
    expect(await limit("/t1/nope")).toBe("none r");
    expect(await limit("/t1/books", "OPTIONS")).toBe("none r");
  });

  it("whose renderer breaks answers 500 all the same", async () => {
    const renderError = () => {
      throw new Error("oops");
    };
    const server = await serve({ name: "m", serves: [getBook], renderError });
    expect((await server.ask("/t1/books/1")).json()).toEqual({ code: 13, message: "internal error", details: [] });
    expect((await server.ask("/t1/books/1")).status).toBe(500);
  });

  it("renders the failure of a stream in its own shape", async () => {
    const { rest } = createLibrary({ mount: { renderError: detail } });
    const server = await serveHttp1(rest);
    open.push(server);
    const answer = await server.ask("/t1/watch/a?behave=later&count=1");
    expect(answer.text).toContain('{"error":{"detail":"the topic was closed","verb":"GET"}}\n');
  });
});

describe("building the routes", () => {
  const pipeline = createFakePipeline({ services: [{ service: LibraryService, handlers: {} }] });

  it("refuses two mounts that claim the same place, and names both methods", () => {
    const mounts = [
      { name: "a", serves: [getBook] },
      { name: "b", serves: [getBook] },
    ];
    expect(() => createRest({ pipeline, mounts })).toThrow(
      "rpc colloquy.test.v1.LibraryService.GetBook (/t1/books/{book_id}) and rpc colloquy.test.v1.LibraryService.GetBook (/t1/books/{book_id}) both claim GET /t1/books/*",
    );
  });

  it("refuses a method that the pipeline does not serve", () => {
    const empty = createFakePipeline({ services: [] });
    expect(() => createRest({ pipeline: empty, mounts: [{ name: "a", serves: [watch] }] })).toThrow(
      "rpc colloquy.test.v1.LibraryService.Watch is mounted but not served",
    );
  });

  it("lists the routes, and leaves out methods without a binding", () => {
    const rest = createRest({
      pipeline,
      mounts: [{ name: "a", serves: [createBook, LibraryService.method.unbound, listBooks] }],
    });
    expect(rest.routes.map(({ mount, verb, pattern }) => `${mount} ${verb} ${pattern}`)).toEqual([
      "a POST /t1/books",
      "a GET /t1/books",
    ]);
  });
});
