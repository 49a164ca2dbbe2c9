// The stream lane and Connect's own handlers answer alike, whatever they are asked; and what the lane does with its
// sockets.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frame } from "../../support/calls/raw-call.ts";
import { speak } from "../../support/calls/sockets.ts";
import { RandomCaller } from "../../support/random/random-caller.ts";
import { randomStreamCall } from "../../support/random/random-streams.ts";
import { type EchoServer, startEchoServer, TOKEN } from "../../support/servers/echo-server.ts";

/** A million for a night: `TEST_CALLS=1000000`. */
const CALLS = Number(process.env.TEST_CALLS ?? 500);
const FIRST = Number(process.env.TEST_SEED ?? 1);
/** Calls at one time. */
const ABREAST = 16;

describe("the stream lane", () => {
  const limits = { writeMaxBytes: 20_000 };
  let servers: readonly [EchoServer, EchoServer];
  let callers: readonly RandomCaller[];
  beforeAll(async () => {
    servers = [
      await startEchoServer({ unaryLane: true, streamLane: true, limits }),
      await startEchoServer({ unaryLane: false, streamLane: false, limits }),
    ];
    callers = servers.map((server) => new RandomCaller(server));
  });
  afterAll(async () => {
    for (const caller of callers) caller.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  it(
    `answers ${CALLS} random calls as Connect's handlers do`,
    async () => {
      const seen = { refused: 0, failed: 0, whole: 0 };
      let next = FIRST;
      const work = async () => {
        while (next < FIRST + CALLS) {
          const seed = next++;
          const call = randomStreamCall(seed);
          const [own, other] = await Promise.all(callers.map((caller) => caller.call(call)));
          expect(own, `call ${seed}: ${call.http} ${call.verb} ${call.headers["content-type"]}`).toEqual(other);
          const { status = 0, body = "", headers = {} } = own ?? {};
          const failed = body.includes('"error"') || !/^0?$/.test(String(headers["grpc-status"] ?? ""));
          if (status !== 200) seen.refused++;
          else if (failed || /grpc-status: [1-9]/.test(body)) seen.failed++;
          else seen.whole++;
        }
      };
      await Promise.all(Array.from({ length: ABREAST }, work));
      // Random calls that all fail would prove little.
      expect(seen.whole).toBeGreaterThan(CALLS / 15);
      expect(seen.failed).toBeGreaterThan(CALLS / 10);
      expect(seen.refused).toBeGreaterThan(0);
    },
    Math.max(600_000, 50 * CALLS),
  );
});

describe("over a connection of HTTP/1.1", () => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer({ streamLane: true });
  });
  afterAll(() => server.close());

  const PATH = "/colloquy.test.v1.EchoService/Repeat";
  const TYPE = "application/connect+json";
  const answerOf = (text: string, index: number) =>
    frame(Buffer.from(JSON.stringify({ text, ...(index > 0 && { index }) })));
  const END = frame(Buffer.from("{}"), 2);

  function request(body: object, { version = "1.1", last = false } = {}): Buffer {
    const message = frame(Buffer.from(JSON.stringify(body)));
    const head = [
      `POST ${PATH} HTTP/${version}`,
      "host: x",
      `content-type: ${TYPE}`,
      `authorization: Bearer ${TOKEN}`,
      `content-length: ${message.length}`,
      ...(last ? ["connection: close"] : []),
    ];
    return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), message]);
  }

  /** The bodies of the answers, whose chunks are put together again. */
  function bodiesOf(text: string): string[] {
    const bodies: string[] = [];
    let rest = text;
    while (rest !== "") {
      const head = rest.indexOf("\r\n\r\n");
      expect(rest.slice(0, head).toLowerCase()).toContain("transfer-encoding: chunked");
      rest = rest.slice(head + 4);
      let body = "";
      for (let size = -1; size !== 0; ) {
        const line = rest.indexOf("\r\n");
        size = Number.parseInt(rest.slice(0, line), 16);
        body += rest.slice(line + 2, line + 2 + size);
        expect(rest.slice(line + 2 + size, line + 4 + size)).toBe("\r\n");
        rest = rest.slice(line + 4 + size);
      }
      bodies.push(body);
    }
    return bodies;
  }

  it("answers come one after the other, each in whole chunks, also to requests that did not wait", async () => {
    const calls = ["a", "b", "c"].map((text) => request({ text, times: 3 }, { last: text === "c" }));
    const { text } = await speak(server.port, [Buffer.concat(calls)], 5_000);
    expect(bodiesOf(text)).toEqual(
      ["a", "b", "c"].map((one) =>
        Buffer.concat([answerOf(one, 0), answerOf(one, 1), answerOf(one, 2), END]).toString("latin1"),
      ),
    );
  });

  it("an answer of HTTP/1.0 has no chunks, and ends with its connection", async () => {
    const { text } = await speak(server.port, [request({ text: "a", times: 1 }, { version: "1.0" })], 5_000);
    expect(text.toLowerCase()).not.toContain("transfer-encoding");
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(Buffer.concat([answerOf("a", 0), END]).toString("latin1"));
  });

  it("a client that goes away ends its call", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(request({ text: "a", times: 1, behave: "hang" }));
    await new Promise((resolve) => socket.once("data", resolve));
    const { aborted } = server.seen;
    socket.destroy();
    await expect.poll(() => server.seen.aborted).toBe(aborted + 1);
    expect(await server.logged(({ method, reason }) => method === PATH && reason === "CANCELLED")).toMatchObject({
      code: "canceled",
    });
  });

  const LONG = "x".repeat(60_000);
  const TIMES = 300;
  const whole = (answerOf(LONG, 0).length + `,"index":`.length) * TIMES;

  it("a slow reader gets everything in the end", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write(request({ text: LONG, times: TIMES }));
    await new Promise((resolve) => socket.once("readable", resolve));
    const chunks: Buffer[] = [];
    let end = "";
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      end = (end + chunk.subarray(-5).toString("latin1")).slice(-5);
      if (end === "0\r\n\r\n") socket.destroy();
      socket.pause();
      setImmediate(() => socket.resume());
    });
    await new Promise((resolve) => socket.once("close", resolve));
    const text = Buffer.concat(chunks).toString("latin1");
    const [body = ""] = bodiesOf(text);
    expect(body.length).toBeGreaterThan(whole - TIMES * 4);
    expect(body.endsWith(END.toString("latin1"))).toBe(true);
  });

  it("and so does one over HTTP/2 with a small window", async () => {
    const session = connectHttp2(server.url, { settings: { initialWindowSize: 20_000 } });
    const call = session.request({
      ":method": "POST",
      ":path": PATH,
      "content-type": TYPE,
      authorization: `Bearer ${TOKEN}`,
    });
    call.end(frame(Buffer.from(JSON.stringify({ text: LONG, times: TIMES }))));
    let bytes = 0;
    for await (const chunk of call) bytes += (chunk as Buffer).byteLength;
    expect(bytes).toBeGreaterThan(whole - TIMES * 4);
    session.destroy();
  });
});
