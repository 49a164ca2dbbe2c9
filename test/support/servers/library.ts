// The library of the test contract, served over REST alone on real sockets.
import { createServer as createHttp1, request as http1Request, type IncomingHttpHeaders } from "node:http";
import { connect, createServer as createHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Handlers } from "../../../src/pipeline/service.ts";
import type { Mount } from "../../../src/protocols/rest/binding/mount.ts";
import { RestProblem } from "../../../src/protocols/rest/binding/problem.ts";
import { createRest, type Rest, type RestOptions } from "../../../src/protocols/rest/rest.ts";
import { BookSchema, LibraryService } from "../../gen/colloquy/test/v1/rest_pb.ts";
import { createFakePipeline, type FakeOptions } from "./fake-pipeline.ts";

/** What the handlers saw and were told to do, for one library. */
export interface LibraryState {
  /** Messages that Watch has made so far. */
  watched: number;
  /** Whether the source of the last Watch was ended, by itself or by its reader. */
  watchEnded: boolean;
  /** Lines that Import has taken so far. */
  imported: number;
  /** Holds Import back before each line until it resolves. */
  gate: () => Promise<void>;
}

export interface LibraryOptions
  extends Partial<Omit<RestOptions, "mounts" | "pipeline">>,
    Pick<FakeOptions, "admit" | "trace"> {
  readonly mount?: Partial<Mount>;
}

export interface Library {
  readonly rest: Rest;
  readonly state: LibraryState;
}

export const ETAG_MISMATCH = new ConnectError("the etag does not match", Code.Aborted);

export function createLibrary({ mount, admit, trace, ...options }: LibraryOptions = {}): Library {
  const state: LibraryState = { watched: 0, watchEnded: false, imported: 0, gate: async () => {} };
  const pipeline = createFakePipeline({
    services: [{ service: LibraryService, handlers: libraryHandlers(state) }],
    ...(admit === undefined ? {} : { admit }),
    ...(trace === undefined ? {} : { trace }),
  });
  const rest = createRest({
    toFailure: (problem) => new ConnectError(problem.message, problem.code),
    ...options,
    pipeline,
    mounts: [{ name: "library", serves: [LibraryService], ...mount }],
  });
  return { rest, state };
}

const BOOK = create(BookSchema, { bookId: "1", title: "Emma", pages: 0, etag: "v1" });

/** The handlers of the library. */
export function libraryHandlers(state: LibraryState): Handlers<typeof LibraryService> {
  return {
    getShelf: async ({ name }) => ({ name }),
    async getBook({ bookId, shelf }) {
      if (bookId === "missing") throw new ConnectError("book not found", Code.NotFound);
      if (bookId === "crash") throw new Error("secret internals");
      return { book: { ...BOOK, bookId, title: shelf === "" ? BOOK.title : `${BOOK.title} on ${shelf}` } };
    },
    listBooks: async ({ pageSize, tag }) => ({
      books: Array.from({ length: pageSize }, (_, i) => ({ bookId: String(i + 1), title: `Book ${tag.join("+")}` })),
    }),
    getFeaturedBook: async () => ({ ...BOOK, bookId: "featured" }),
    createBook: async ({ book, requestId }) => ({ book: { ...(book ?? BOOK), subtitle: requestId } }),
    updateBook: async ({ book, updateMask }) => {
      if (book?.etag === "stale") throw ETAG_MISMATCH;
      return { book: { ...(book ?? BOOK), subtitle: (updateMask?.paths ?? []).join() } };
    },
    replaceBook: async (book) => book,
    deleteBook: async ({ etag }) => {
      if (etag === "stale") throw ETAG_MISMATCH;
      return {};
    },
    deleteBooks: async () => ({}),
    restoreBook: async ({ bookId, note }) => ({ bookId, title: note }),
    purgeCache: async () => ({}),
    anyVerb: async () => ({}),
    params: async (request) => request,
    setValues: async (request) => request,
    putFile: async ({ path, file }) => ({
      contentType: file?.contentType ?? "",
      data: Buffer.concat([Buffer.from(`${path}:`), file?.data ?? new Uint8Array()]),
    }),
    echoFile: async (file) => ({ file }),
    async *watch({ topic, after, count, behave, size }, context) {
      try {
        if (behave === "first") throw new ConnectError("no such topic", Code.NotFound);
        if (behave === "silent" || behave === "mute") {
          if (behave === "silent") context.flushHeaders();
          await new Promise((_, reject) => {
            context.signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
          });
        }
        for (let i = 1; i <= count; i++) {
          state.watched += 1;
          yield { seq: after + BigInt(i), text: size === 0 ? topic : "x".repeat(size) };
        }
        if (behave === "later") throw new ConnectError("the topic was closed", Code.Aborted);
      } finally {
        state.watchEnded = true;
      }
    },
    talk: async ({ talkId, text }) => ({ reply: `${talkId}: ${text}` }),
    async *talkStream({ text }) {
      yield { event: { case: "delta", value: { text, offset: 0 } } };
      yield { event: { case: "delta", value: { text: "!", offset: text.length } } };
      yield { event: { case: "done", value: "ok" } };
    },
    async *download({ chunks }) {
      for (let i = 1; i <= chunks; i++) yield { contentType: "text/csv", data: Buffer.from(`row ${i}\n`) };
    },
    async import(requests) {
      let shelf = "";
      let count = 0;
      let bytes = 0n;
      for await (const request of requests) {
        shelf = request.shelf;
        count += 1;
        bytes += BigInt(request.title.length);
        state.imported += 1;
        await state.gate();
      }
      return { shelf, count, bytes };
    },
    async upload(requests) {
      let shelf = "";
      let bytes = 0n;
      for await (const request of requests) {
        shelf = request.shelf;
        bytes += BigInt(request.file?.data.length ?? 0);
      }
      return { shelf, bytes };
    },
    async *chat(requests) {
      for await (const { text } of requests) yield { text: text.toUpperCase() };
    },
    unbound: async () => ({}),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON. */
  json(): unknown;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

export interface TestServer {
  readonly port: number;
  /** Sends one request with its path as it stands. */
  ask(path: string, ask?: Ask): Promise<Answer>;
  close(): Promise<void>;
}

/** Serves over HTTP/1.1; a request that no mount claims is answered 599. */
export async function serveHttp1(rest: Rest): Promise<TestServer> {
  const server = createHttp1(async (request, response) => {
    if (!(await rest.handle(request, response))) response.writeHead(599).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ask: (path, { method = "GET", headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
        const request = http1Request({ port, host: "127.0.0.1", path, method, headers: { ...length, ...headers } });
        request.on("error", reject).on("response", (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
          response.on("end", () =>
            resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks))),
          );
        });
        request.end(body);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same over clear-text HTTP/2, one connection for each request. */
export async function serveHttp2(rest: Rest): Promise<TestServer> {
  const server = createHttp2(async (request, response) => {
    if (!(await rest.handle(request, response))) {
      response.writeHead(599);
      response.end();
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    ask: (path, { method = "GET", headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const session = connect(`http://127.0.0.1:${port}`);
        session.on("error", reject);
        const stream = session.request(
          { ":path": path, ":method": method, ...headers },
          { endStream: body === undefined },
        );
        const chunks: Buffer[] = [];
        let head: IncomingHttpHeaders = {};
        stream.on("response", (given) => {
          head = given as IncomingHttpHeaders;
        });
        stream.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
        stream.on("end", () => {
          session.close();
          resolve(answerOf(Number(head[":status" as keyof IncomingHttpHeaders]), head, Buffer.concat(chunks)));
        });
        if (body !== undefined) stream.end(body);
      }),
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  const text = body.toString();
  return { status, headers, body, text, json: () => JSON.parse(text) };
}

export { RestProblem };
