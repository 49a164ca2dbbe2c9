// Streams over real sockets: events and lines, resuming, failures, slow readers and writers.
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createLibrary,
  type LibraryOptions,
  serveHttp1,
  serveHttp2,
  type TestServer,
} from "../../support/servers/library.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(options: LibraryOptions = {}, serve: typeof serveHttp1 = serveHttp1) {
  const library = createLibrary(options);
  const server: TestServer = await serve(library.rest);
  open.push(server);
  return { ...library, server };
}

const json = { "content-type": "application/json" };
const events = { accept: "text/event-stream" };

/** A connection on which the test decides when to read and write. */
async function raw(server: TestServer, head: string): Promise<Socket> {
  const socket = connectTcp(server.port, "127.0.0.1");
  open.push({ close: () => socket.destroy() });
  await once(socket, "connect");
  socket.write(`${head.replaceAll("\n", "\r\n")}\r\nhost: localhost\r\n\r\n`);
  return socket;
}

describe.each([
  ["HTTP/1.1", serveHttp1],
  ["HTTP/2", serveHttp2],
])("a streamed answer over %s", (_, serve) => {
  it("is newline-delimited JSON unless something else is asked for", async () => {
    const { server } = await start({}, serve);
    for (const headers of [{}, { accept: "*/*" }, { accept: "application/x-ndjson" }, { accept: "application/*" }]) {
      const answer = await server.ask("/t1/watch/news?count=2", { headers });
      expect([answer.status, answer.headers["content-type"], answer.headers.vary]).toEqual([
        200,
        "application/x-ndjson",
        "accept",
      ]);
      expect(answer.text).toBe('{"seq":"1","text":"news"}\n{"seq":"2","text":"news"}\n');
    }
  });

  it("is server-sent events when they are asked for", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a%0Ab?count=2", { headers: events });
    expect([answer.status, answer.headers["content-type"], answer.headers["cache-control"]]).toEqual([
      200,
      "text/event-stream",
      "no-store, no-transform",
    ]);
    expect(answer.text).toBe('id: 1\ndata: {"seq":"1","text":"a\\nb"}\n\nid: 2\ndata: {"seq":"2","text":"a\\nb"}\n\n');
  });

  it("goes on after Last-Event-ID, which wins over the query", async () => {
    const { server } = await start({}, serve);
    const headers = { ...events, "last-event-id": "41" };
    expect((await server.ask("/t1/watch/a?count=1&after=7", { headers })).text).toBe(
      'id: 42\ndata: {"seq":"42","text":"a"}\n\n',
    );
    const bad = await server.ask("/t1/watch/a", { headers: { ...events, "last-event-id": "x" } });
    expect([bad.status, bad.json()]).toMatchObject([400, { message: "last-event-id: must be a decimal integer" }]);
  });

  it("names events after a oneof where the contract says so", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/talks/1", {
      method: "POST",
      headers: { ...json, ...events },
      body: '{"text":"hi"}',
    });
    expect(answer.text).toBe(
      'event: delta\ndata: {"text":"hi","offset":0}\n\nevent: delta\nid: 2\ndata: {"text":"!","offset":2}\n\nevent: done\ndata: "ok"\n\n',
    );
  });

  it("shares its place with a unary method: Accept decides", async () => {
    const { server } = await start({}, serve);
    const post = (accept?: string) =>
      server.ask("/t1/talks/1", {
        method: "POST",
        headers: { ...json, ...(accept !== undefined && { accept }) },
        body: '{"text":"hi"}',
      });
    for (const accept of [undefined, "*/*", "application/json", "text/event-stream;q=0.5, application/json"]) {
      expect((await post(accept)).json()).toEqual({ reply: "1: hi" });
    }
    expect((await post("application/x-ndjson")).text.split("\n")).toHaveLength(4);
    expect((await post("text/html")).status).toBe(406);
  });

  it("that asks for something else is 406", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a", { headers: { accept: "application/json" } });
    expect([answer.status, answer.json()]).toMatchObject([
      406,
      { message: "accept: must allow application/x-ndjson or text/event-stream" },
    ]);
  });

  it("that fails before its first message has a status of its own", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a?behave=first", { headers: events });
    expect([answer.status, answer.headers["content-type"], answer.json()]).toEqual([
      404,
      "application/json",
      { code: 5, message: "no such topic", details: [] },
    ]);
  });

  it("that fails later says so at its end", async () => {
    const { server } = await start({}, serve);
    const status = '{"code":10,"message":"the topic was closed","details":[]}';
    const sent = await server.ask("/t1/watch/a?behave=later&count=1", { headers: events });
    expect(sent.text).toBe(`id: 1\ndata: {"seq":"1","text":"a"}\n\nevent: error\ndata: ${status}\n\n`);
    const lines = await server.ask("/t1/watch/a?behave=later&count=1");
    expect(lines.text).toBe(`{"seq":"1","text":"a"}\n{"error":${status}}\n`);
  });

  it("that is empty is empty", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a");
    expect([answer.status, answer.text]).toEqual([200, ""]);
  });

  it("answers HEAD with its headers alone", async () => {
    const { server, state } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a?count=5", { method: "HEAD" });
    expect([answer.status, answer.headers["content-type"], answer.text]).toEqual([200, "application/x-ndjson", ""]);
    await vi.waitFor(() => expect(state.watchEnded).toBe(true));
  });

  it("of google.api.HttpBody is its bytes", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/download?chunks=3");
    expect([answer.headers["content-type"], answer.text]).toEqual(["text/csv", "row 1\nrow 2\nrow 3\n"]);
  });

  it("that is larger than any buffer arrives whole", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/watch/a?count=200&size=100000");
    expect(answer.text.split("\n")).toHaveLength(201);
  });
});

describe("a silent stream", () => {
  it("sends its headers, then a comment again and again", async () => {
    const { server } = await start({ heartbeatMs: 20 });
    const socket = await raw(server, "GET /t1/watch/a?behave=silent HTTP/1.1\naccept: text/event-stream");
    let text = "";
    for await (const chunk of socket) {
      text += chunk;
      if (text.split(":\n\n").length > 3) break;
    }
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it("sends its headers after a while even if its source does not ask for it", async () => {
    const { server } = await start({ heartbeatMs: 20, openAfterMs: 5 });
    const socket = await raw(server, "GET /t1/watch/a?behave=mute HTTP/1.1\naccept: text/event-stream");
    const [head] = await once(socket, "data");
    expect(String(head)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    socket.destroy();
  });

  it("ends at its source when the reader goes away", async () => {
    const { server, state } = await start();
    const socket = await raw(server, "GET /t1/watch/a?behave=silent HTTP/1.1\naccept: text/event-stream");
    await once(socket, "data");
    socket.destroy();
    await vi.waitFor(() => expect(state.watchEnded).toBe(true));
  });
});

describe("a slow reader", () => {
  it("holds back the source, and gets everything in the end", async () => {
    const { server, state } = await start();
    const count = 2000;
    const size = 50_000;
    const socket = await raw(server, `GET /t1/watch/a?count=${count}&size=${size} HTTP/1.1\nconnection: close`);
    socket.pause();
    // The source stands still once the buffers of both sockets are full.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = state.watched;
        const stands = now > 0 && now === before;
        before = now;
        expect(stands).toBe(true);
      },
      { interval: 100, timeout: 10_000 },
    );
    expect(state.watched).toBeLessThan(count / 2);
    expect(state.watchEnded).toBe(false);
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).byteLength;
    expect(state.watched).toBe(count);
    expect(bytes).toBeGreaterThan(count * size);
  });

  it("that goes away ends the source", async () => {
    const trace: string[] = [];
    const { server, state } = await start({ trace: (step) => trace.push(step) });
    const socket = await raw(server, "GET /t1/watch/a?count=100000&size=50000 HTTP/1.1");
    await once(socket, "data");
    socket.destroy();
    await vi.waitFor(() => expect(state.watchEnded).toBe(true));
    await vi.waitFor(() => expect(trace).toContain("fail"));
    expect(state.watched).toBeLessThan(100_000);
  });
});

describe.each([
  ["HTTP/1.1", serveHttp1],
  ["HTTP/2", serveHttp2],
])("a streamed request over %s", (_, serve) => {
  const ndjson = { "content-type": "application/x-ndjson" };

  it("is one message for each line that is not blank", async () => {
    const { server } = await start({}, serve);
    const body = '{"title":"a"}\n\r\n  \n{"title":"bc"}\r\n{"title":"d"}';
    const answer = await server.ask("/t1/shelves/left:import", { method: "POST", headers: ndjson, body });
    expect([answer.status, answer.json()]).toEqual([200, { shelf: "left", count: 3, bytes: "4" }]);
  });

  it("may be empty, and compressed", async () => {
    const { server } = await start({}, serve);
    const empty = await server.ask("/t1/shelves/left:import", { method: "POST", headers: ndjson });
    expect(empty.json()).toEqual({ shelf: "", count: 0, bytes: "0" });
    const headers = { ...ndjson, "content-encoding": "gzip" };
    const answer = await server.ask("/t1/shelves/left:import", {
      method: "POST",
      headers,
      body: gzipSync('{"title":"a"}\n'.repeat(1000)),
    });
    expect(answer.json()).toMatchObject({ count: 1000 });
  });

  it.each([
    ['{"title":"a"}\n\n{"title":5}\n', "line 3: title: must be a string"],
    ['{"title":"a"}\n{\n', "line 2: the body must be JSON: it breaks at position 1"],
    ['{"shelf":"right"}\n', "line 1: shelf: must be what the path says, or left out"],
  ])("names the line that is wrong: %j", async (body, message) => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/shelves/left:import", { method: "POST", headers: ndjson, body });
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 3, message }]);
  });

  it("may be of any length, but a line may not", async () => {
    const { server } = await start({ mount: { maxBodyBytes: 1000 } }, serve);
    const line = `${JSON.stringify({ title: "x".repeat(900) })}\n`;
    const fits = await server.ask("/t1/shelves/left:import", {
      method: "POST",
      headers: ndjson,
      body: line.repeat(5000),
    });
    expect(fits.json()).toMatchObject({ count: 5000 });
    const body = line + JSON.stringify({ title: "x".repeat(1000) });
    const answer = await server.ask("/t1/shelves/left:import", { method: "POST", headers: ndjson, body });
    expect([answer.status, answer.json()]).toMatchObject([413, { message: "line 2: must be at most 1000 bytes" }]);
  });

  it("of another type is 415", async () => {
    const { server } = await start({}, serve);
    const headers = { "content-type": "application/json" };
    const answer = await server.ask("/t1/shelves/left:import", { method: "POST", headers, body: "{}" });
    expect([answer.status, answer.headers.accept]).toEqual([415, "application/x-ndjson"]);
  });

  it("of google.api.HttpBody is its bytes in pieces", async () => {
    const { server } = await start({}, serve);
    const body = Buffer.alloc(300_000, 7);
    const answer = await server.ask("/t1/shelves/left:upload", {
      method: "POST",
      headers: { "content-type": "image/png" },
      body,
    });
    expect(answer.json()).toMatchObject({ shelf: "left", bytes: "300000" });
  });

  it("may have a streamed answer", async () => {
    const { server } = await start({}, serve);
    const answer = await server.ask("/t1/chat", {
      method: "POST",
      headers: ndjson,
      body: '{"text":"a"}\n{"text":"b"}\n',
    });
    expect(answer.text).toBe('{"text":"A"}\n{"text":"B"}\n');
  });
});

describe("a slow method", () => {
  it("holds back the sender of a streamed request", async () => {
    const { server, state } = await start();
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    state.gate = () => gate;
    const socket = await raw(
      server,
      "POST /t1/shelves/left:import HTTP/1.1\ntransfer-encoding: chunked\ncontent-type: application/x-ndjson",
    );
    const line = `${JSON.stringify({ title: "x".repeat(50_000) })}\n`;
    const chunk = `${line.length.toString(16)}\r\n${line}\r\n`;
    let sent = 0;
    while (socket.write(chunk) && sent < 100_000) sent += 1;
    await vi.waitFor(() => expect(state.imported).toBe(1));
    expect(socket.writableNeedDrain).toBe(true);
    release();
    await once(socket, "drain");
    socket.end("0\r\n\r\n");
    let text = "";
    for await (const part of socket) text += part;
    expect(text).toContain(`"count":${sent + 1}`);
  });
});

describe("a call", () => {
  it("goes through the pipeline in order: admitted before its body is read", async () => {
    const trace: string[] = [];
    const { server } = await start({ trace: (step) => trace.push(step) });
    await server.ask("/t1/books/1");
    await server.ask("/t1/books/missing");
    await server.ask("/t1/books", { method: "POST", body: "{" });
    await server.ask("/t1/watch/a?count=1");
    await server.ask("/t1/watch/a?behave=later");
    expect(trace).toEqual([
      ...["begin GetBook", "admit", "unary", "end"],
      ...["begin GetBook", "admit", "unary", "fail"],
      ...["begin CreateBook", "admit", "fail"],
      ...["begin Watch", "admit", "stream", "end"],
      ...["begin Watch", "admit", "stream", "fail"],
    ]);
  });

  it("whose body breaks off fails, and the next one is served", async () => {
    const trace: string[] = [];
    const { server } = await start({ trace: (step) => trace.push(step) });
    const socket = await raw(server, "POST /t1/books HTTP/1.1\ncontent-length: 100");
    await vi.waitFor(() => expect(trace).toContain("admit"));
    socket.destroy();
    await vi.waitFor(() => expect(trace).toContain("fail"));
    expect((await server.ask("/t1/books/1")).status).toBe(200);
  });
});
