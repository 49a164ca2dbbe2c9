// What clients of gRPC that we did not write make of our answers.
import { create, fromBinary, fromJsonString, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ServerReflection, ServerReflectionResponseSchema } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { encodeMessage } from "../../src/protocols/rpc/grpc-status.ts";
import { CollectRequestSchema, EchoRequestSchema } from "../gen/colloquy/test/v1/echo_pb.ts";
import { frame, rawCall } from "../support/calls/raw-call.ts";
import { type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

let server: EchoServer;
let client: grpc.Client;
beforeAll(async () => {
  server = await startEchoServer();
  client = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  await server.close();
});

/** Calls any path with any bytes. */
function call(path: string, bytes: Uint8Array): Promise<grpc.ServiceError | null> {
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${TOKEN}`);
  const [write, read] = [(sent: Uint8Array) => Buffer.from(sent), (got: Buffer) => got];
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, write, read, bytes, metadata, (error) => resolve(error));
  });
}

it.each(["/no.such.Service/M", "/colloquy.test.v1.EchoService/NoSuch", "/x"])(
  "F-UNKNOWN: grpc-js is told UNIMPLEMENTED at %s",
  async (path) => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(200_000)]) {
      expect(await call(path, bytes)).toMatchObject({
        code: grpc.status.UNIMPLEMENTED,
        details: "there is no such service or method",
      });
    }
  },
);

it("F-ERRTEXT: encodes only what the specification of gRPC names", () => {
  for (let code = 0; code < 0x80; code++) {
    const char = String.fromCharCode(code);
    const plain = code >= 0x20 && code <= 0x7e && char !== "%";
    expect(encodeMessage(`a${char}b`)).toBe(plain ? `a${char}b` : `a${encodeURIComponent(char)}b`);
  }
  expect(encodeMessage("id: ü 👋 100%")).toBe("id: %C3%BC %F0%9F%91%8B 100%25");
  expect(encodeMessage(" a ")).toBe("%20a%20");
  expect(decodeURIComponent(encodeMessage("\ud800"))).toBe("\ufffd");
});

it("F-ERRTEXT: grpc-js is told the text as it is, of one request and of a stream of them", async () => {
  const echo = toBinary(EchoRequestSchema, create(EchoRequestSchema, { behave: "x".repeat(101) }));
  const collect = toBinary(CollectRequestSchema, create(CollectRequestSchema, { text: "x".repeat(1_001) }));
  for (const [method, bytes, field] of [
    ["Echo", echo, "behave"],
    ["Collect", collect, "text"],
  ] as const) {
    const error = await call(`/colloquy.test.v1.EchoService/${method}`, bytes);
    expect(error?.code).toBe(grpc.status.INVALID_ARGUMENT);
    expect(error?.details).toMatch(new RegExp(`^${field}: must be at most`));
  }
});

it.each([ServerReflection, ServerReflectionAlpha])(
  "F-REFLECTION: %s goes on after an impossible symbol",
  async (service) => {
    const reflection = createClient(service as typeof ServerReflection, createGrpcTransport({ baseUrl: server.url }));
    const asked = ["a\0b", "", " ", "\u{10ffff}", "..", "x".repeat(100_000), "colloquy.test.v1.EchoService"];
    const answers: (string | undefined)[] = [];
    const requests = (async function* () {
      for (const value of asked) yield { messageRequest: { case: "fileContainingSymbol" as const, value } };
    })();
    for await (const { messageResponse } of reflection.serverReflectionInfo(requests))
      answers.push(messageResponse.case);
    expect(answers).toEqual([...asked.slice(1).map(() => "errorResponse"), "fileDescriptorResponse"]);
  },
);

const SYMBOL = "colloquy.test.v1.EchoService";
/** Requests as bytes, good ones behind each that is not UTF-8: a symbol, a file, a host, an extension's type. */
const BROKEN_TEXTS = ["22 03 61 ff 62", "1a 02 c3 28", "0a 01 80 22 01 78", "2a 05 0a 01 ed 10 01", "32 02 f8 88"];
const good = Buffer.concat([Buffer.from([0x22, SYMBOL.length]), Buffer.from(SYMBOL)]);

it.each(
  ["grpc", "grpc-web", "connect"].flatMap((protocol) => [
    { protocol: protocol as "grpc", json: false, version: "v1" },
    { protocol: protocol as "grpc", json: true, version: "v1" },
    { protocol: protocol as "grpc", json: false, version: "v1alpha" },
  ]),
)("F-REFLECTION: $version over $protocol (JSON: $json) goes on after text that is not UTF-8", async (form) => {
  const requests = form.json
    ? [Buffer.from('{"fileContainingSymbol":"a\xffb"}', "latin1"), Buffer.from(`{"fileContainingSymbol":"${SYMBOL}"}`)]
    : BROKEN_TEXTS.flatMap((hex) => [Buffer.from(hex.replaceAll(" ", ""), "hex"), good]);
  const { body } = await rawCall(server.url, {
    path: `/grpc.reflection.${form.version}.ServerReflection/ServerReflectionInfo`,
    ...form,
    stream: true,
    body: Buffer.concat(requests.map((bytes) => frame(bytes))),
  });
  const answers: unknown[] = [];
  for (let at = 0; at < body.length && body[at] === 0; at += 5 + body.readUInt32BE(at + 1)) {
    const bytes = body.subarray(at + 5, at + 5 + body.readUInt32BE(at + 1));
    // The two versions differ in nothing but their package.
    const { messageResponse } = form.json
      ? fromJsonString(ServerReflectionResponseSchema, bytes.toString())
      : fromBinary(ServerReflectionResponseSchema, bytes);
    answers.push(messageResponse.case === "errorResponse" ? messageResponse.value.errorMessage : messageResponse.case);
  }
  const kinds = form.json ? ["symbol"] : ["symbol", "file", "symbol", "extension", "type"];
  expect(answers).toEqual(kinds.flatMap((kind) => [`${kind} not found`, "fileDescriptorResponse"]));
});
