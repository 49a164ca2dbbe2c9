// Bytes that no proper client sends: each gets its code, its reason and a text that quotes nothing.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EchoRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { PROTOCOLS, type Protocol } from "../../support/calls/clients.ts";
import { bodyOf, frame, type RawAnswer, rawCall } from "../../support/calls/raw-call.ts";
import { ECHO, type EchoServer, startEchoServer } from "../../support/servers/echo-server.ts";

const SERVICE = "/colloquy.test.v1.EchoService";
const MiB = 1 << 20;
/** The code as each protocol spells it. */
const CODES: Readonly<Record<string, readonly [connect: string, grpc: string]>> = {
  invalid: ["invalid_argument", "3"],
  exhausted: ["resource_exhausted", "8"],
  unimplemented: ["unimplemented", "12"],
  deadline: ["deadline_exceeded", "4"],
};

let server: EchoServer;
/** Its patience is short, for bodies that never end: large ones need more on a busy machine. */
let impatient: EchoServer;
beforeAll(async () => {
  [server, impatient] = await Promise.all([startEchoServer(), startEchoServer({ limits: { bodyTimeoutMs: 300 } })]);
});
afterAll(() => Promise.all([server.close(), impatient.close()]));

function expectFailure(answer: RawAnswer, protocol: Protocol, code: string, reason: string): void {
  const [connect, grpc] = CODES[code] ?? [];
  expect({ code: answer.code, reason: answer.reason }).toEqual({
    code: protocol === "connect" ? connect : grpc,
    reason,
  });
  expect(answer.message).not.toContain("CANARY");
  expect(answer.headers["x-request-id"]).toBeTruthy();
}

const good = toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "x".repeat(2_000) }));
const goodJson = Buffer.from(toJsonString(EchoRequestSchema, create(EchoRequestSchema, { text: "hello" })));
const text = (s: string) => Buffer.from(s);

interface Bad {
  readonly name: string;
  readonly json?: boolean;
  readonly message: Uint8Array;
  readonly compression?: string;
  readonly code: string;
  readonly reason: string;
}

const malformed = { code: "invalid", reason: "MALFORMED_BODY" };
const wrongField = { code: "invalid", reason: "INVALID_FIELD" };
const tooLarge = { code: "exhausted", reason: "TOO_LARGE" };
const bad: Bad[] = [
  { name: "truncated Protobuf", message: good.subarray(0, 100), ...malformed },
  { name: "Protobuf with garbage after it", message: Buffer.concat([good, text("\xff\xff\xffCANARY")]), ...malformed },
  { name: "Protobuf of an unknown wire type", message: Buffer.from([0x0f, 1]), ...malformed },
  { name: "Protobuf with field number 0", message: Buffer.from([0x00, 1]), ...malformed },
  { name: "Protobuf with an endless varint", message: Buffer.alloc(11, 0xff), ...malformed },
  { name: "Protobuf with invalid UTF-8", message: Buffer.from([0x0a, 2, 0xc3, 0x28]), ...malformed },
  { name: "Protobuf nested without end", message: nested(5_000), ...malformed },
  { name: "JSON for Protobuf", message: goodJson, ...malformed },
  { name: "Protobuf for JSON", json: true, message: good, ...malformed },
  { name: "an empty JSON body", json: true, message: Buffer.alloc(0), ...malformed },
  { name: "truncated JSON", json: true, message: text('{"text":"CANARY'), ...malformed },
  { name: "JSON with garbage after it", json: true, message: text('{"text":"a"}CANARY'), ...malformed },
  { name: "JSON of the wrong kind", json: true, message: text('{"text":{"CANARY":1}}'), ...wrongField },
  { name: "a JSON number out of range", json: true, message: text('{"number":"99999999999999999999"}'), ...wrongField },
  { name: "a JSON array", json: true, message: text("[]"), ...malformed },
  { name: "JSON null", json: true, message: text("null"), ...malformed },
  { name: "JSON with invalid UTF-8", json: true, message: Buffer.from('{"text":"\xc3("}', "latin1"), ...malformed },
  { name: "JSON nested without end", json: true, message: text(`{"metadata":${"[".repeat(100_000)}`), ...malformed },
  {
    name: "deep and whole JSON",
    json: true,
    message: text(`{"metadata":{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}}`),
    ...malformed,
  },
  { name: "JSON with a wrong Base64", json: true, message: text('{"data":"CANARY*"}'), ...wrongField },
  { name: "truncated gzip", compression: "gzip", message: gzipSync(good).subarray(0, 15), ...malformed },
  { name: "no gzip at all", compression: "gzip", message: text("CANARY"), ...malformed },
  {
    name: "gzip with garbage after it",
    compression: "gzip",
    message: Buffer.concat([gzipSync(good), text("CANARY")]),
    ...malformed,
  },
  { name: "gzip with a wrong checksum", compression: "gzip", message: withWrongChecksum(gzipSync(good)), ...malformed },
  { name: "truncated brotli", compression: "br", message: brotliCompressSync(good).subarray(0, 8), ...malformed },
  {
    name: "brotli with garbage after it",
    compression: "br",
    message: Buffer.concat([brotliCompressSync(good), text("CANARY")]),
    ...malformed,
  },
  { name: "a gzip bomb", compression: "gzip", message: gzipSync(Buffer.alloc(64 * MiB)), ...tooLarge },
  {
    name: "a brotli bomb",
    compression: "br",
    message: brotliCompressSync(Buffer.alloc(64 * MiB), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ...tooLarge,
  },
  { name: "more than 4 MiB", message: Buffer.alloc(4 * MiB + 1), ...tooLarge },
  { name: "more than 4 MiB of JSON", json: true, message: text(`{"text":"${"x".repeat(4 * MiB)}"}`), ...tooLarge },
  {
    name: "an unknown compression",
    compression: "CANARY",
    message: good,
    code: "unimplemented",
    reason: "UNSUPPORTED",
  },
  {
    name: "text longer than its rule",
    message: toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: "x".repeat(100_001) })),
    code: "invalid",
    reason: "INVALID_FIELD",
  },
];

function withWrongChecksum(gzip: Buffer): Buffer {
  return gzip.fill(0, gzip.length - 8, gzip.length - 4);
}
/** EchoRequest.nested.children.children… as wire bytes. */
function nested(levels: number): Uint8Array {
  let bytes: Buffer = Buffer.alloc(0);
  for (let i = 0; i < levels; i++) bytes = Buffer.concat([Buffer.from([0x22]), varint(bytes.length), bytes]);
  return Buffer.concat([Buffer.from([0x52]), varint(bytes.length), bytes]);
}
function varint(n: number): Buffer {
  const bytes: number[] = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 128);
  return Buffer.from([...bytes, n]);
}

it.each([
  ['{"text":5}', "INVALID_FIELD", "text: must be a string"],
  ['{"text":"CANARY \\ud800"}', "INVALID_FIELD", "text: must be a string without half of a surrogate pair"],
  [
    '{"requestId":"a","request_id":"CANARY"}',
    "INVALID_FIELD",
    "request_id: must not be set twice, nor with another of its alternatives",
  ],
  ['{"text":"CANARY","text":"b"}', "MALFORMED_BODY", 'the body must not hold the name "text" twice'],
  ['{"number":"99999999999999999999"}', "INVALID_FIELD", "number: must be an integer that int64 can hold"],
])("says of %s which field breaks which rule, and nothing of its value", async (json, reason, why) => {
  const answer = await rawCall(server.url, { path: ECHO, protocol: "connect", json: true, body: text(json) });
  expect([answer.reason, answer.message]).toEqual([reason, why]);
});

describe.each(PROTOCOLS)("over %s", (protocol) => {
  it.each(bad)("refuses $name", async ({ message, json = false, compression, code, reason }) => {
    const header = protocol === "connect" ? "content-encoding" : "grpc-encoding";
    const answer = await rawCall(server.url, {
      path: ECHO,
      protocol,
      json,
      headers: compression === undefined ? {} : { [header]: compression },
      body: bodyOf({ protocol }, message, compression === undefined ? 0 : 1),
    });
    expectFailure(answer, protocol, code, reason);
    if (reason === "UNSUPPORTED") {
      expect(answer.headers[protocol === "connect" ? "accept-encoding" : "grpc-accept-encoding"]).toBe("gzip,br");
    }
  });

  // What is wrong with a field of Echo's, the other methods do not see.
  it.each(bad.filter(({ name }) => !/kind|range|Base64|deep|nested|text longer/.test(name)))(
    "refuses $name as the message of a stream",
    async ({ message, json = false, compression, code, reason }) => {
      const header = protocol === "connect" ? "connect-content-encoding" : "grpc-encoding";
      for (const method of ["Repeat", "Collect", "Converse"]) {
        const answer = await rawCall(server.url, {
          path: `${SERVICE}/${method}`,
          protocol,
          json,
          stream: true,
          headers: compression === undefined ? {} : { [header]: compression },
          body: frame(message, compression === undefined ? 0 : 1),
        });
        expectFailure(answer, protocol, code, reason);
        if (reason !== "UNSUPPORTED") continue;
        expect(answer.headers[protocol === "connect" ? "connect-accept-encoding" : "grpc-accept-encoding"]).toBe(
          "gzip,br",
        );
      }
    },
  );

  it("refuses an unknown method", async () => {
    for (const path of [`${SERVICE}/Nothing`, "/no.Service/Echo", "/", "/favicon.ico", "/%00", "//"]) {
      const answer = await rawCall(server.url, { path, protocol, body: bodyOf({ protocol }, good) });
      expectFailure(answer, protocol, "unimplemented", "UNKNOWN_METHOD");
      expect(answer.status).toBe(protocol === "connect" ? 404 : 200);
    }
  });

  it("gives up on a body that comes too slowly", async () => {
    const half = bodyOf({ protocol }, good).subarray(0, 50);
    const answer = await rawCall(impatient.url, { path: ECHO, protocol, body: half, keepOpen: true });
    expectFailure(answer, protocol, "deadline", "DEADLINE_EXCEEDED");
  });

  it("leaves one line and one count for a call that fails while it is decoded", async () => {
    const requestId = `decode-${protocol}`;
    await rawCall(server.url, {
      path: ECHO,
      protocol,
      headers: { "x-request-id": requestId },
      body: bodyOf({ protocol }, good.subarray(0, 10)),
    });
    await server.logged((line) => line.requestId === requestId);
    expect(server.lines.filter((line) => line.requestId === requestId)).toEqual([
      expect.objectContaining({ code: "invalid_argument", reason: "MALFORMED_BODY", method: ECHO, wire: protocol }),
    ]);
    expect(await server.metrics.registry.metrics()).toMatch(
      new RegExp(`colloquy_rpc_handled_total\\{method="${ECHO}",wire="${protocol}",code="invalid_argument"\\} \\d`),
    );
  });
});

describe("over gRPC and gRPC-Web", () => {
  it.each(["grpc", "grpc-web"] as const)("refuses broken frames over %s", async (protocol) => {
    const cases: Array<readonly [name: string, body: Uint8Array, code: string, reason: string]> = [
      ["half a frame head", Buffer.from([0, 0, 0]), "invalid", "MALFORMED_BODY"],
      ["a frame that promises more", frame(good).subarray(0, -1), "invalid", "MALFORMED_BODY"],
      ["a frame that promises 4 GiB", Buffer.from([0, 255, 255, 255, 255, 1]), "exhausted", "TOO_LARGE"],
      ["garbage after the frame", Buffer.concat([frame(good), text("x")]), "invalid", "MALFORMED_BODY"],
      ["a compressed frame without a compression", frame(gzipSync(good), 1), "invalid", "MALFORMED_BODY"],
      ["no message", Buffer.alloc(0), "unimplemented", "UNSUPPORTED"],
      ["two messages", Buffer.concat([frame(good), frame(good)]), "unimplemented", "UNSUPPORTED"],
    ];
    for (const [name, body, code, reason] of cases) {
      const answer = await rawCall(server.url, { path: ECHO, protocol, body });
      expect(name).toBeTruthy();
      expectFailure(answer, protocol, code, reason);
    }
  });
});

describe("over Connect", () => {
  const call = (headers: Record<string, string>, method = "POST", path = ECHO) =>
    rawCall(server.url, {
      path,
      protocol: "connect",
      json: true,
      method,
      headers,
      body: method === "POST" ? goodJson : Buffer.alloc(0),
    });

  it("says which HTTP methods a method takes", async () => {
    const put = await call({}, "PUT");
    expect(put).toMatchObject({
      status: 405,
      code: "unimplemented",
      reason: "UNSUPPORTED",
      headers: { allow: "POST" },
    });
    const get = await call({}, "GET");
    expect(get).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await call({}, "DELETE", `${SERVICE}/Peek`)).toMatchObject({ status: 405, headers: { allow: "GET, POST" } });
  });

  it("says which content types a method takes", async () => {
    for (const type of [
      "text/plain",
      "application/xml",
      "application/connect+json",
      "application/jsonx",
      "",
      "application/json; charset=latin1",
    ]) {
      const answer = await call({ "content-type": type });
      expect(answer).toMatchObject({ status: 415, reason: "UNSUPPORTED" });
      expect(answer.headers["accept-post"]).toContain("application/json");
    }
  });

  it("takes a content type with its charset, in any case", async () => {
    for (const type of ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]) {
      expect(await call({ "content-type": type })).toMatchObject({ status: 200 });
    }
  });

  it("serves GET where a method has no side effects", async () => {
    const get = (query: string, headers: Record<string, string> = {}) =>
      rawCall(server.url, { path: `${SERVICE}/Peek?${query}`, protocol: "connect", method: "GET", headers });
    const json = encodeURIComponent('{"text":"a b"}');
    const answer = await get(`connect=v1&encoding=json&message=${json}`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({ text: "a b" });
    const base64 = Buffer.from([0x0a, 1, 0x61]).toString("base64url");
    expect((await get(`encoding=proto&base64=1&message=${base64}`)).body).toEqual(Buffer.from([0x0a, 1, 0x61]));
    const zipped = gzipSync('{"text":"z"}').toString("base64url");
    expect((await get(`encoding=json&base64=1&compression=gzip&message=${zipped}`)).status).toBe(200);
    expect(await get(`encoding=json&base64=1&message=*`)).toMatchObject({ status: 400, reason: "MALFORMED_BODY" });
    expect(await get(`encoding=json&message=%ff%fe`)).toMatchObject({ status: 400, reason: "MALFORMED_BODY" });
    expect(await get(`encoding=json&message=`)).toMatchObject({ status: 400, reason: "MALFORMED_BODY" });
    expect(await get(`encoding=json&message={}`)).toMatchObject({
      status: 400,
      reason: "INVALID_FIELD",
      fields: ["text"],
    });
    expect(await get(`encoding=xml&message=`)).toMatchObject({ status: 415, reason: "UNSUPPORTED" });
    expect(await get("")).toMatchObject({ status: 415, reason: "UNSUPPORTED" });
    expect(await get(`encoding=json&compression=lzma&message=${json}`)).toMatchObject({
      status: 501,
      reason: "UNSUPPORTED",
    });
    expect(await get(`encoding=json&message=${json}`, { authorization: "" })).toMatchObject({ status: 401 });
  });

  it("ignores unknown fields, as the protocol has it", async () => {
    const body = text('{"text":"a","nothing":{"like":"this"}}');
    expect(await rawCall(server.url, { path: ECHO, protocol: "connect", json: true, body })).toMatchObject({
      status: 200,
    });
  });
});
