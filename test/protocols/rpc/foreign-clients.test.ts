// Clients that are not ours nor Connect's: buf curl with reflection, grpc-js with proto-loader.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDescriptorIndex } from "../../../src/services/system/descriptor-index.ts";
import { EchoService } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { type EchoServer, startEchoServer, TOKEN } from "../../support/servers/echo-server.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");
const buf = join(root, "node_modules/.bin/buf");

let server: EchoServer;
beforeAll(async () => {
  server = await startEchoServer();
});
afterAll(() => server.close());

describe.each(["connect", "grpc", "grpcweb"])("buf curl --protocol %s", (protocol) => {
  const curl = (...args: string[]) => run(buf, ["curl", "--http2-prior-knowledge", "--protocol", protocol, ...args]);

  it("lists the services by reflection", async () => {
    const { stdout } = await curl("--list-services", server.url);
    expect(stdout.trim().split("\n")).toContain("colloquy.test.v1.EchoService");
  });

  it("calls a method that it knows by reflection alone", async () => {
    const header = `authorization: Bearer ${TOKEN}`;
    const url = `${server.url}/colloquy.test.v1.EchoService/Echo`;
    const { stdout } = await curl("--header", header, "--data", '{"text":"hi","metadata":{"a":[1]}}', url);
    expect(JSON.parse(stdout)).toMatchObject({ text: "hi", metadata: { a: [1] }, caller: "member:ada" });
  });

  it("shows the reason of a failure", async () => {
    const failure = await curl("--data", "{}", `${server.url}/colloquy.test.v1.EchoService/Echo`).catch(
      (e: unknown) => e,
    );
    const { code, details } = JSON.parse((failure as { stderr: string }).stderr);
    expect(code).toBe("unauthenticated");
    expect(Buffer.from(details[0].value, "base64").toString()).toContain("CREDENTIAL_MISSING");
  });
});

describe("grpc-js with proto-loader", () => {
  interface Echo extends grpc.Client {
    echo(
      request: object,
      metadata: grpc.Metadata,
      options: grpc.CallOptions,
      done: (e: grpc.ServiceError | null, answer: { text: string }) => void,
    ): void;
    repeat(request: object, metadata: grpc.Metadata): grpc.ClientReadableStream<{ index: number }>;
    converse(metadata: grpc.Metadata): grpc.ClientDuplexStream<object, { text: string }>;
  }
  let client: Echo;
  const metadata = new grpc.Metadata();
  metadata.set("authorization", `Bearer ${TOKEN}`);

  beforeAll(() => {
    const files = createDescriptorIndex([EchoService]).closure(EchoService.file);
    const set = create(FileDescriptorSetSchema, {
      file: [...files.values()].map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)),
    });
    const definition = loadFileDescriptorSetFromBuffer(Buffer.from(toBinary(FileDescriptorSetSchema, set)), {
      defaults: true,
    });
    const { EchoService: EchoClient } = (
      grpc.loadPackageDefinition(definition) as unknown as {
        colloquy: { test: { v1: { EchoService: grpc.ServiceClientConstructor } } };
      }
    ).colloquy.test.v1;
    client = new EchoClient(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure()) as unknown as Echo;
  });
  afterAll(() => client.close());

  const echo = (request: object, options: grpc.CallOptions = {}) =>
    new Promise<{ error: grpc.ServiceError | null; answer: { text: string } }>((resolve) => {
      client.echo(request, metadata, options, (error, answer) => resolve({ error, answer }));
    });

  it("calls, streams and converses", async () => {
    expect((await echo({ text: "hi" })).answer.text).toBe("hi");
    const indexes: number[] = [];
    for await (const { index } of client.repeat({ text: "x", times: 5 }, metadata)) indexes.push(index);
    expect(indexes).toEqual([0, 1, 2, 3, 4]);
    const call = client.converse(metadata);
    call.write({ text: "a" });
    call.write({ text: "b" });
    call.end();
    const texts: string[] = [];
    for await (const { text } of call) texts.push(text);
    expect(texts).toEqual(["a", "b"]);
  });

  it("reads a failure with its details, however long its message was", async () => {
    expect((await echo({ behave: "long" })).error).toMatchObject({ code: grpc.status.FAILED_PRECONDITION });
    const { error } = await echo({ behave: "missing" });
    expect(error).toMatchObject({ code: grpc.status.NOT_FOUND, details: "echo not found" });
    expect(error?.metadata.get("grpc-status-details-bin")).toHaveLength(1);
    expect(error?.metadata.get("x-request-id") ?? []).toBeDefined();
  });

  it("speaks gzip", async () => {
    const text = "x".repeat(50_000);
    const options = { "grpc.default_compression_algorithm": 2 };
    const zipped = new (client.constructor as grpc.ServiceClientConstructor)(
      `127.0.0.1:${server.port}`,
      grpc.credentials.createInsecure(),
      options,
    ) as unknown as Echo;
    const answer = await new Promise<{ text: string }>((resolve, reject) => {
      zipped.echo({ text }, metadata, {}, (error, a) => (error === null ? resolve(a) : reject(error)));
    });
    expect(answer.text).toBe(text);
    zipped.close();
  });

  it("gives up at its deadline, and the service is told", async () => {
    const { aborted } = server.seen;
    const { error } = await echo({ behave: "hang" }, { deadline: Date.now() + 80 });
    expect(error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    await expect.poll(() => server.seen.aborted).toBe(aborted + 1);
  });
});
