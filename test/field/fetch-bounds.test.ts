// What others send is bounded in bytes: on the wire, unpacked, below the line and above it.
import { createServer, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { brotliCompressSync, constants, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fetchKeys } from "../../src/access/tokens/key-files.ts";
import { createConnect } from "../../src/agents/connectors/connect/connect.ts";
import type { AgentFailure } from "../../src/agents/connectors/connector.ts";
import type { AgentRow } from "../../src/store/agents/agents.ts";
import { type ModelServer, startModelServer } from "../support/services/model-server.ts";

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

const MIB = 1024 * 1024;
const TOO_MUCH = "the agent sent more than a reply may have";

/** Writes a piece again and again, as fast as the other side reads, until it closes. */
function endless(response: ServerResponse, piece: Uint8Array | string): void {
  const more = () => {
    while (!response.destroyed && response.write(piece));
  };
  response.on("drain", more);
  more();
}

/** How much memory a call takes at most, in bytes, beside what is there. */
async function memoryOf<T>(call: () => Promise<T>): Promise<{ result: T; grown: number }> {
  const used = () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  let most = before;
  const looking = setInterval(() => {
    most = Math.max(most, used());
  }, 5);
  const result = await call().finally(() => clearInterval(looking));
  return { result, grown: Math.max(most, used()) - before };
}

const zeros = (mib: number) => Buffer.alloc(mib * MIB, "0");
/** More than is let grow; what is refused for its coding takes less. */
const line = Buffer.concat([Buffer.from('data: {"choices":[{"delta":{"content":"'), zeros(128)]);
const start = line.subarray(0, 8 * MIB);
const FAST = { level: 1 };
const PACKED: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => gzipSync(line, FAST),
  "x-gzip": () => gzipSync(line, FAST),
  deflate: () => deflateSync(line, FAST),
  br: () => brotliCompressSync(line, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  zstd: () => zstdCompressSync(start),
  "gzip, gzip": () => gzipSync(gzipSync(start)),
};

describe("A9: a model server", () => {
  test.each(Object.entries(PACKED))("whose line never ends, packed with %s", async (coding, pack) => {
    const body = pack();
    server.answer = (response) =>
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": coding }).end(body);
    const { result, grown } = await memoryOf(() => server.ask());
    expect(result).toMatchObject({ text: "", failure: { message: TOO_MUCH, retryable: false } });
    expect(grown).toBeLessThan(100 * MIB);
  });

  const SHORT = 'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  const layers = (count: number) =>
    Array.from({ length: count }).reduce<Uint8Array>((inner) => gzipSync(inner), Buffer.from(SHORT));
  test.each([
    ["gzip", gzipSync(SHORT), { text: "hi" }],
    ["zstd", zstdCompressSync(SHORT), { text: "", failure: { message: TOO_MUCH } }],
    ["gzip, gzip", layers(2), { text: "", failure: { message: TOO_MUCH } }],
    ["gzip, gzip, gzip, gzip", layers(4), { text: "", failure: { message: TOO_MUCH } }],
  ] as const)("whose short reply is packed with %s", async (coding, body, outcome) => {
    server.answer = (response) =>
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": coding }).end(body);
    expect(await server.ask()).toMatchObject(outcome);
  });

  test.each([
    ["a line", 'data: {"choices":[', "x".repeat(65_536)],
    ["a comment", ": ", "x".repeat(65_536)],
    ["the lines of an event", "", `data: ${"x".repeat(1_000)}\n`],
    ["empty lines of data", "", "data:\n".repeat(10_000)],
    ["comments", "", ": still here\n\n".repeat(1_000)],
    ["tiny events", "", "data: {}\n\n".repeat(5_000)],
    ["blanks before anything", "", "\n".repeat(65_536)],
    ["thoughts", "", `data: {"choices":[{"delta":{"reasoning_content":"${"hm ".repeat(1_000)}"}}]}\n\n`],
    ["a document", "{", '"a":1,'.repeat(10_000)],
    ["a list", "[", "[".repeat(65_536)],
  ])("that sends %s without end", async (_, begin, piece) => {
    server.answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(begin);
      endless(response, piece);
    };
    const { result, grown } = await memoryOf(() => server.ask());
    expect(result).toMatchObject({ text: "", failure: { message: TOO_MUCH } });
    expect(grown).toBeLessThan(150 * MIB);
  });

  test("that sends packed nothing without end", async () => {
    const nothing = Buffer.concat(Array.from({ length: 2_000 }, () => gzipSync("")));
    server.answer = (response) => endless(response.writeHead(200, { "content-encoding": "gzip" }), nothing);
    expect(await server.ask()).toMatchObject({ failure: { message: TOO_MUCH } });
  });

  test("that promises a terabyte, or headers without end, is left at once; one that sends less has broken off", async () => {
    server.answer = (response) => response.writeHead(200, { "content-length": 1e12 }).write("data: ");
    expect(await server.ask()).toMatchObject({ failure: { message: TOO_MUCH } });
    server.answer = (response) => {
      const { socket } = response;
      socket?.write("HTTP/1.1 200 OK\r\n");
      endless(socket as unknown as ServerResponse, `x-more: ${"x".repeat(1_000)}\r\n`);
    };
    expect((await server.ask()).failure?.message).toMatch(/cannot be reached, or the connection broke/);
    server.answer = (response) =>
      response.writeHead(200, { "content-length": 999 }).end("data: [", () => response.destroy());
    expect((await server.ask()).failure?.message).toMatch(/the connection broke/);
  });

  test("that sends an error's body without end is heard as far as its status", async () => {
    server.answer = (response) => endless(response.writeHead(404), "x".repeat(65_536));
    expect((await server.ask()).failure?.message).toBe("the agent returned status 404");
  });
});

describe("A9: an agent of the contract", () => {
  /** A message in its envelope. */
  const envelope = (flags: number, length: number, data: Uint8Array = new Uint8Array()) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(flags);
    head.writeUInt32BE(length, 1);
    return Buffer.concat([head, data]);
  };
  const bomb = gzipSync(zeros(160), FAST);
  const BODIES: readonly [string, (send: (bytes: Uint8Array) => void, again: (bytes: Uint8Array) => void) => void][] = [
    ["a message that unpacks to 160 MiB", (send) => send(envelope(1, bomb.length, bomb))],
    ["a message that says it has 4 GiB", (send) => send(envelope(0, 0xffffffff))],
    ["messages without a word, without end", (_, again) => again(Buffer.concat(Array(5_000).fill(envelope(0, 0))))],
    [
      "fields that nobody knows, without end",
      (_, again) =>
        again(
          envelope(0, 200_004, Buffer.concat([Buffer.from([0x7a, 0xc0, 0x9a, 0x0c]), zeros(1).subarray(0, 200_000)])),
        ),
    ],
  ];

  async function ask(protocol: "connect" | "grpc", answer: (response: ServerResponse) => void): Promise<AgentFailure> {
    const serve = (_: unknown, response: unknown) => {
      const type = protocol === "grpc" ? "application/grpc+proto" : "application/connect+proto";
      const packing = protocol === "grpc" ? "grpc-encoding" : "connect-content-encoding";
      const own = response as ServerResponse;
      own.on("error", () => {});
      own.writeHead(200, { "content-type": type, [packing]: "gzip" });
      answer(own);
    };
    const agent = protocol === "grpc" ? createHttp2Server(serve) : createServer(serve);
    await new Promise<void>((resolve) => (agent as Server).listen(0, "127.0.0.1", resolve));
    try {
      const settings = {
        baseUrl: `http://127.0.0.1:${((agent as Server).address() as AddressInfo).port}`,
        protocol: protocol === "grpc" ? "AGENT_PROTOCOL_GRPC" : "AGENT_PROTOCOL_CONNECT",
      };
      const factory = createConnect({ allowPrivate: true, toMessage: (row) => row as never });
      const connector = factory({ name: "a", settings } as unknown as AgentRow, undefined);
      const request = { tenantId: "t", conversationId: "c", turnId: "t", messages: [], tools: [], mode: "" } as never;
      for await (const _ of connector(request, new AbortController().signal));
      throw new Error("it was taken for whole");
    } catch (error) {
      return error as AgentFailure;
    } finally {
      agent.close();
    }
  }

  test.each(
    BODIES.flatMap(([what, body]) => (["connect", "grpc"] as const).map((protocol) => ({ protocol, what, body }))),
  )("over $protocol sends $what", async ({ protocol, body }) => {
    const { result, grown } = await memoryOf(() =>
      ask(protocol, (response) =>
        body(
          (bytes) => response.write(bytes),
          (bytes) => endless(response, bytes),
        ),
      ),
    );
    expect(result.name).toBe("AgentFailure");
    expect(result.message).toMatch(/sent more than a reply may have|failed with ResourceExhausted/);
    expect(grown).toBeLessThan(150 * MIB);
  });
});

describe("A9: an issuer of keys", () => {
  async function keysFrom(answer: (response: ServerResponse) => void): Promise<unknown> {
    const issuer = createServer((_, response) => answer(response.on("error", () => {}) as ServerResponse));
    await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
    try {
      return await fetchKeys(`http://127.0.0.1:${(issuer.address() as AddressInfo).port}/keys`);
    } finally {
      issuer.closeAllConnections();
      issuer.close();
    }
  }

  test("is heard as far as 1 MiB, on the wire and unpacked", async () => {
    const packed = gzipSync(Buffer.concat([Buffer.from('{"keys":[],"x":"'), zeros(64)]), FAST);
    const attacks: ((response: ServerResponse) => void)[] = [
      (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(packed),
      (response) => endless(response.writeHead(200), "x".repeat(65_536)),
      (response) => endless(response.writeHead(200, { "content-encoding": "gzip" }), gzipSync("")),
      (response) => response.writeHead(200, { "content-length": 1e12 }).write("{"),
    ];
    for (const attack of attacks) {
      const { grown } = await memoryOf(() =>
        expect(keysFrom(attack)).rejects.toMatchObject({ name: "ResponseTooLarge" }),
      );
      expect(grown).toBeLessThan(50 * MIB);
    }
    const set = '{"keys":[{"kty":"EC","kid":"1"}]}';
    expect(
      await keysFrom((response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(set))),
    ).toEqual(JSON.parse(set));
  });

  test("is followed nowhere else", async () => {
    await expect(keysFrom((response) => response.writeHead(302, { location: "/" }).end())).rejects.toThrow(/302/);
  });

  test("that never ends its headers is left", async () => {
    const issuer = createTcpServer((socket) => {
      socket.on("error", () => {}).write("HTTP/1.1 200 OK\r\n");
      endless(socket as unknown as ServerResponse, `x-more: ${"x".repeat(1_000)}\r\n`);
    });
    await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
    await expect(fetchKeys(`http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`)).rejects.toThrow();
    issuer.close();
  });
});
