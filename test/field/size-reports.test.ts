// F-SIZES: what people reported of other servers' sizes, bodies and frames, tried on this one, each on every wire that
// it concerns.
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EchoRequestSchema } from "../gen/colloquy/test/v1/echo_pb.ts";
import { http1Request, speakHttp1 } from "../support/calls/framed-http1.ts";
import { frame, rawCall } from "../support/calls/raw-call.ts";
import { speak } from "../support/calls/sockets.ts";
import { ECHO, type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

const LIMIT = 4 << 20;
const credential = { authorization: `Bearer ${TOKEN}` };

describe.each([
  ["the lanes", {}],
  ["Connect's handlers", { unaryLane: false, streamLane: false }],
])("F-SIZES: by %s", (_, lanes) => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer({ rest: true, ...lanes });
  });
  afterAll(() => server.close());

  /** A request of exactly so many bytes: they are one field of bytes. */
  function exactly(bytes: number): Buffer {
    const around = (size: number) =>
      toBinary(EchoRequestSchema, create(EchoRequestSchema, { data: Buffer.alloc(size) }));
    const message = around(bytes - (around(bytes).length - bytes));
    expect(message.length).toBe(bytes);
    return Buffer.from(message);
  }

  const PACK = {
    none: (bytes: Buffer) => bytes,
    gzip: gzipSync,
    // Its best takes ten times as long.
    br: (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  };
  const FORMS = ["connect", "grpc", "grpc-web"] as const;

  /** Undefined: it is taken. */
  async function refusal(protocol: (typeof FORMS)[number], coding: keyof typeof PACK, message: Buffer) {
    const packed = Buffer.from(PACK[coding](message));
    const isPacked = coding !== "none";
    const header = protocol === "connect" ? "content-encoding" : "grpc-encoding";
    const body = protocol === "connect" ? packed : frame(packed, isPacked ? 1 : 0);
    const headers = isPacked ? { [header]: coding } : {};
    return (await rawCall(server.url, { path: ECHO, protocol, body, headers })).reason;
  }

  // grpc-go#4552, grpc-rust#2484, hapi#4548, grpc#41996: the limit is of the message once decompressed, itself
  // included.
  test.each(FORMS.flatMap((form) => (["none", "gzip", "br"] as const).map((coding) => [form, coding] as const)))(
    "a message of 4 MiB is taken over %s with %s, and a byte more is not",
    async (form, coding) => {
      expect(await refusal(form, coding, exactly(LIMIT))).toBeUndefined();
      expect(await refusal(form, coding, exactly(LIMIT + 1))).toBe("TOO_LARGE");
    },
  );

  // hapi#3931, hapi#2006, axum#853, arcadedb#8092: the limit holds for what comes, whatever a header says of it.
  test.each(["application/json", "application/grpc-web+json", "rest"])(
    "a body in chunks is held to the limit over %s",
    async (type) => {
      const isRest = type === "rest";
      const json = Buffer.from(`{"text":"${"x".repeat(LIMIT)}"}`);
      const body = type.includes("grpc") ? frame(json) : json;
      const headers = { ...credential, "content-type": isRest ? "application/json" : type };
      const request = http1Request(
        { path: isRest ? "/e1/echo" : ECHO, headers, body },
        { chunks: [65_536, 1, 65_536] },
      );
      const [answer] = await speakHttp1(server.url, [request]);
      if (type.includes("grpc")) expect(answer?.body).toContain("grpc-status: 8");
      else expect(answer?.status).toBe(isRest ? 413 : 429);
    },
  );

  // tower-http#737, tornado#3560, zeromcp#13: a gzip body is a series of members (RFC 1952 §2.2), and the limit is of all.
  test.each(["application/json", "rest"])("gzip in several members is read whole over %s", async (type) => {
    const isRest = type === "rest";
    const send = (...parts: string[]) =>
      fetch(server.url + (isRest ? "/e1/echo" : ECHO), {
        method: "POST",
        headers: { ...credential, "content-type": "application/json", "content-encoding": "gzip" },
        body: Buffer.concat(parts.map((part) => gzipSync(part))),
      });
    const answer = await send('{"text":', '"a', 'b"}');
    expect([answer.status, await answer.json()]).toMatchObject([200, { text: "ab" }]);
    const long = await send('{"text":"', "x".repeat(LIMIT - 100), 'x"}', " ".repeat(200));
    expect(long.status).toBe(isRest ? 413 : 429);
  });

  // Node itself refuses none of them but the second.
  test.each(
    (
      [
        ["gzip", gzipSync, "\0"],
        ["gzip", gzipSync, "more"],
        ["br", brotliCompressSync, "more"],
        ["deflate", deflateSync, "more"],
      ] as const
    ).flatMap(([coding, pack, more]) => {
      const body = Buffer.concat([pack('{"text":"a"}'), Buffer.from(more)]);
      // Connect has no deflate.
      return (coding === "deflate" ? ["rest"] : ["application/json", "rest"]).map(
        (type) => [coding, type, body] as const,
      );
    }),
  )("what stands behind %s is refused over %s", async (coding, type, body) => {
    const answer = await fetch(server.url + (type === "rest" ? "/e1/echo" : ECHO), {
      method: "POST",
      headers: { ...credential, "content-type": "application/json", "content-encoding": coding },
      body,
    });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining("MALFORMED_BODY")]);
  });

  // grpc-java#6720, grpc-rust#492: flags that no protocol has. grpc implementations say INTERNAL; here it is the
  // caller's fault.
  test.each([0x02, 0x04, 0x40, 0x80, 0xff])("F-FLAGS: a frame of gRPC with the flags %i is refused", async (flags) => {
    const answer = await rawCall(server.url, { path: ECHO, protocol: "grpc", body: frame(Buffer.alloc(0), flags) });
    expect(answer).toMatchObject({ code: "3", reason: "MALFORMED_BODY" });
    expect(answer.message).toBe(
      `a frame has flags that its protocol does not have: 0x${flags.toString(16).padStart(2, "0")}`,
    );
  });

  // grpc-java#10971, grpc#36770, grpc#14176, grpc-node#2767.
  test.each(["grpc", "grpc-web"] as const)(
    "a frame of %s marked compressed without a compression is refused",
    async (protocol) => {
      for (const headers of [{}, { "grpc-encoding": "identity" }]) {
        const answer = await rawCall(server.url, { path: ECHO, protocol, headers, body: frame(gzipSync(""), 1) });
        expect(answer).toMatchObject({
          code: "3",
          message: "a message is marked compressed, but no compression is named",
        });
      }
    },
  );

  // grpc-java#3996, grpc-java#10851: the status is told, not a reset.
  test("a frame that promises too much is told so before it has come", async () => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(LIMIT + 1, 1);
    const answer = await rawCall(server.url, {
      path: ECHO,
      protocol: "grpc",
      body: Buffer.concat([head, Buffer.alloc(100)]),
    });
    expect(answer).toMatchObject({ status: 200, code: "8", reason: "TOO_LARGE" });
  });

  // raven#783: a request that has both lengths is refused (RFC 9112 §6.3), for proxies may believe the other one.
  test("a body with Content-Length and chunks is refused, and its connection ends", async () => {
    const head = `POST ${ECHO} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nauthorization: Bearer ${TOKEN}\r\n`;
    const { statuses } = await speak(server.port, [
      `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ]);
    expect(statuses).toEqual([400]);
  });

  // python-hyper/h2#114: RFC 9113 §8.1.1.
  test.each([1, 3])("over HTTP/2, a body of 2 bytes that says it has %i is no request", async (length) => {
    const call = { path: ECHO, protocol: "connect", json: true, body: Buffer.from("{}") } as const;
    const { entered } = server.seen;
    await expect(rawCall(server.url, { ...call, headers: { "content-length": String(length) } })).rejects.toThrow();
    expect(server.seen.entered).toBe(entered);
  });
});
