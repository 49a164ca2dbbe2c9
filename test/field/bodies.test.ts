// What a body may take: time to arrive, and memory while it does, for every reader of bodies.
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { bodyOf, frame } from "../support/calls/raw-call.ts";
import { type EchoServer, type EchoServerOptions, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

const MIB = 1024 * 1024;
const SERVICE = "/colloquy.test.v1.EchoService";
const LANES = [
  ["the lanes", {}],
  ["Connect's handlers", { unaryLane: false, streamLane: false }],
] as const;

let server: EchoServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});
async function start(options: EchoServerOptions): Promise<EchoServer> {
  server = await startEchoServer({ rest: true, ...options });
  return server;
}

const headersOf = (type: string) => ({ "content-type": type, authorization: `Bearer ${TOKEN}`, te: "trailers" });

/** A client may have as much on its way as the tests want: by itself Node refuses its own calls past 10 MB. */
const openWide = (url: string) => connectHttp2(url, { maxSessionMemory: 2_000 });

/** Sends the beginning of a body, then a piece so often, for ever; resolves with everything that was answered. */
function dripHttp2(url: string, path: string, type: string, begin: Buffer, piece: Buffer, everyMs: number) {
  const session = connectHttp2(url);
  return new Promise<string>((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headersOf(type) });
    let text = "";
    stream.on("response", (headers) => (text += JSON.stringify(headers)));
    stream.on("trailers", (trailers) => (text += JSON.stringify(trailers)));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    stream.on("error", reject);
    stream.on("end", () => resolve(text));
    stream.write(begin);
    const timer = setInterval(() => stream.writable && stream.write(piece), everyMs);
    stream.on("close", () => clearInterval(timer));
  }).finally(() => session.destroy());
}

function dripHttp1(port: number, path: string, type: string, begin: Buffer, piece: Buffer, everyMs: number) {
  return new Promise<string>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const head = Object.entries(headersOf(type)).map(([name, value]) => `${name}: ${value}\r\n`);
    const chunk = (bytes: Buffer) =>
      Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
    let text = "";
    socket.on("error", reject);
    socket.on("data", (heard: Buffer) => {
      text += heard.toString("latin1");
      if (!/took longer|brought neither|grpc-status/.test(text)) return;
      resolve(text);
      socket.destroy();
    });
    socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${head.join("")}transfer-encoding: chunked\r\n\r\n`);
    if (begin.length > 0) socket.write(chunk(begin));
    const timer = setInterval(() => socket.write(chunk(piece)), everyMs);
    socket.on("close", () => {
      clearInterval(timer);
      resolve(text);
    });
  });
}

const SLOW = /the request body took longer than 0\.2 s/;
const STUCK = /the request stream brought neither a whole message nor 1024 bytes in 0\.2 s/;
const LONG = frame(Buffer.alloc(1_000)).subarray(0, 10);
const BYTE = Buffer.from(" ");
const READERS: readonly [name: string, path: string, type: string, begin: Buffer, says: RegExp][] = [
  ["Connect", `${SERVICE}/Echo`, "application/json", Buffer.from("{"), SLOW],
  ["gRPC", `${SERVICE}/Echo`, "application/grpc", LONG, SLOW],
  ["gRPC-Web", `${SERVICE}/Echo`, "application/grpc-web+proto", LONG, SLOW],
  ["Connect, answered with a stream", `${SERVICE}/Repeat`, "application/connect+json", LONG, SLOW],
  ["Connect, a stream of requests", `${SERVICE}/Collect`, "application/connect+json", LONG, STUCK],
  ["gRPC-Web, a stream of requests", `${SERVICE}/Collect`, "application/grpc-web+proto", LONG, STUCK],
  ["gRPC, a stream both ways", `${SERVICE}/Converse`, "application/grpc", LONG, STUCK],
  ["REST", "/e1/echo", "application/json", Buffer.from("{"), SLOW],
  ["REST, a stream of lines", "/e1/collect", "application/x-ndjson", Buffer.from('{"text":"a"}\n{'), STUCK],
  ["REST, a stream of bytes", "/e1/gather", "application/x-ndjson", Buffer.from("{}\n{"), STUCK],
];

describe.each(LANES)("A8: %s", (_, lanes) => {
  it.each(READERS)("end a body of %s that comes a byte at a time, in words", async (_name, path, type, begin, says) => {
    const { url, port } = await start({ ...lanes, limits: { bodyTimeoutMs: 200 } });
    const over2 = await dripHttp2(url, path, type, begin, BYTE, 20);
    expect(decodeURIComponent(over2)).toMatch(says);
    if (type === "application/grpc") return;
    expect(decodeURIComponent(await dripHttp1(port, path, type, begin, BYTE, 20))).toMatch(says);
  });
});

describe.each(LANES)("F-UPLOAD: %s", (_, lanes) => {
  const LIMIT = 1_500;
  /** More than the limit in all, and much less than it between two. */
  const STEPS = 10;
  const EVERY = 250;

  function upload(port: number, path: string, type: string, piece: Buffer, last: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      const chunk = (bytes: Buffer) => `${bytes.length.toString(16)}\r\n${bytes.toString("latin1")}\r\n`;
      const head = Object.entries(headersOf(type)).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\n${head.join("")}transfer-encoding: chunked\r\n\r\n`);
      let sent = 0;
      const timer = setInterval(() => {
        if (sent++ < STEPS) return void socket.write(Buffer.from(chunk(piece), "latin1"));
        clearInterval(timer);
        socket.write(`${chunk(last)}0\r\n\r\n`);
      }, EVERY);
      let text = "";
      socket.on("data", (heard: Buffer) => {
        text += heard.toString("latin1");
        // An answer is small enough to come at once.
        resolve(text);
        socket.destroy();
      });
      socket.on("error", reject);
      socket.on("close", () => clearInterval(timer));
    });
  }

  it.each([
    ["lines over REST", "/e1/collect", "application/x-ndjson", Buffer.from('{"text":"a"}\n'), Buffer.from("{}\n")],
    ["bytes over REST", "/e1/gather", "application/x-ndjson", Buffer.alloc(1_100, "a"), BYTE],
    ["messages", `${SERVICE}/Collect`, "application/connect+json", frame(Buffer.from("{}")), frame(Buffer.from("{}"))],
  ])("take %s as long as they make progress", async (_name, path, type, piece, last) => {
    const { port } = await start({ ...lanes, limits: { bodyTimeoutMs: LIMIT, headersTimeoutMs: 500 } });
    expect(await upload(port, path, type, piece, last)).toContain("HTTP/1.1 200");
  });
});

describe.each(LANES)("A8: what bodies hold, read by %s", (_, lanes) => {
  const MESSAGE = Buffer.from(JSON.stringify({ data: Buffer.alloc(0.7 * MIB).toString("base64") }));

  /** Answers as they come; a body of 4 MB that is not ended where `unfinished`. */
  function call(session: ClientHttp2Session, path: string, type: string, body: Buffer, unfinished: boolean) {
    return new Promise<string>((resolve) => {
      const stream = session.request({ ":method": "POST", ":path": path, ...headersOf(type) });
      let text = "";
      stream.on("response", (headers) => (text += `${headers[":status"]} ${JSON.stringify(headers)}`));
      stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      stream.on("trailers", (trailers) => (text += JSON.stringify(trailers)));
      stream.on("error", () => {});
      // After the answer the rest of the body may still be taken for a while.
      stream.on("end", () => resolve(text));
      stream.on("close", () => resolve(text));
      if (unfinished) stream.write(body);
      else stream.end(body);
    });
  }

  it.each([
    ["Connect", `${SERVICE}/Echo`, "application/json", "connect"],
    ["gRPC", `${SERVICE}/Echo`, "application/grpc", "grpc"],
    ["REST", "/e1/echo", "application/json", "connect"],
    ["a stream of requests", `${SERVICE}/Collect`, "application/grpc", "grpc"],
  ] as const)(
    "stays within the limit for 100 unfinished bodies of %s on one connection",
    async (_n, path, type, protocol) => {
      // A quarter of what there is by default, so that a quarter of the bytes fills it.
      const { url, bodies } = await start({ ...lanes, limits: { maxBodyBytes: 4 * MIB, maxBodyTotalBytes: 64 * MIB } });
      const session = openWide(url);
      const whole = bodyOf({ protocol }, Buffer.alloc(1_000_000, " "));
      const body = Buffer.from(whole.subarray(0, 975_000));
      let most = 0;
      let refused = 0;
      const answered = Array.from({ length: 100 }, () =>
        call(session, path, type, body, true).then((text) => {
          if (/too( |%20)many( |%20)request/.test(text)) refused++;
        }),
      );
      await expect
        .poll(
          () => {
            most = Math.max(most, bodies.memory.held);
            return refused;
          },
          { timeout: 45_000, interval: 20 },
        )
        .toBeGreaterThan(40);
      expect(most).toBeLessThan(2 * bodies.memory.limits.maxBodyBytes + 5 * MIB);
      expect(most).toBeGreaterThan(bodies.memory.limits.maxBodyBytes);
      session.destroy();
      await Promise.all(answered);
      await expect.poll(() => bodies.memory.held).toBe(0);
    },
  );

  it("serves 40 bodies of 1 MB that come at once on one connection, one after the other", async () => {
    const { url, bodies } = await start(lanes);
    const session = openWide(url);
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => call(session, `${SERVICE}/Echo`, "application/json", MESSAGE, false)),
    );
    expect(answers.map((text) => text.slice(0, 3))).toEqual(answers.map(() => "200"));
    expect(bodies.memory.held).toBe(0);
    session.destroy();
  });

  it("refuses those of the connection that holds most, once all together hold too much", async () => {
    const { url, bodies } = await start({ ...lanes, limits: { maxBodyTotalBytes: 4 * MIB, maxBodyBytes: 3 * MIB } });
    const [heavy, light] = [openWide(url), openWide(url)];
    const unfinished = MESSAGE.subarray(0, -1);
    const hold = (session: ClientHttp2Session) => call(session, "/e1/echo", "application/json", unfinished, true);
    let refused = "";
    for (let i = 0; i < 6; i++) hold(heavy).then((text) => (refused ||= text));
    await expect.poll(() => bodies.memory.held).toBeGreaterThan(3 * MIB);
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => call(light, "/e1/echo", "application/json", MESSAGE, false)),
    );
    expect(answers.map((text) => text.slice(0, 3))).toEqual(["200", "200", "200"]);
    await expect.poll(() => refused, { timeout: 45_000 }).toContain("too many request bodies");
    expect(refused).toMatch(/^429/);
    for (const session of [heavy, light]) session.destroy();
  });
});
