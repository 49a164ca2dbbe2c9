// What Python's gRPC, which is the C core of most languages' clients, makes of our answers.
import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import {
  ImportConversationsRequestSchema,
  ImportConversationsResponseSchema,
} from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { conversationLine, messageLine } from "../support/calls/transfer.ts";
import { type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const PYTHON = "/usr/bin/python3";
const HAS_GRPC = spawnSync(PYTHON, ["-c", "import grpc, grpc_tools"]).status === 0;
if (!HAS_GRPC) {
  process.stderr.write("skipped: python3-grpcio and python3-grpc-tools are not installed\n");
}

const run = promisify(execFile);
const PROTOS = [
  "colloquy/test/v1/echo.proto",
  "buf/validate/validate.proto",
  "google/api/annotations.proto",
  "google/api/field_behavior.proto",
  "google/api/http.proto",
  "google/api/httpbody.proto",
  "google/rpc/error_details.proto",
  "google/rpc/status.proto",
];

interface Failure {
  readonly code: string;
  readonly details: string;
  readonly status?: string;
  readonly fields?: readonly string[];
}

const IMPORTED = newId();

/** 300 messages and a line that cannot be added, cut into pieces of a size that is none of theirs. */
function importOf(url: string, key: Credential): object {
  const messages = Array.from({ length: 300 }, (_, i) => messageLine(IMPORTED, newId(), { content: `zwei — ü ${i}` }));
  const lines = [conversationLine(IMPORTED), ...messages, { nothing: true }].map((line) => JSON.stringify(line));
  const bytes = Buffer.from(lines.join("\n"));
  const schema = ImportConversationsRequestSchema;
  const requests: string[] = [];
  for (let at = 0; at < bytes.length; at += 997) {
    const request = create(schema, { body: { data: bytes.subarray(at, at + 997) } });
    requests.push(Buffer.from(toBinary(schema, request)).toString("hex"));
  }
  return { address: new URL(url).host, metadata: Object.entries(key), requests };
}

interface PingCounter {
  readonly port: number;
  readonly connections: number;
  /** PING frames of the client, their acknowledgements, and GOAWAY frames of the server. */
  readonly sent: number;
  readonly answered: number;
  readonly goneAway: number;
  close(): void;
}

const [PING, GOAWAY] = [6, 7];
const ACK = 1;

/** A way to the server that looks at the frames of HTTP/2 that pass (RFC 9113 §4.1). */
async function countPings(port: number): Promise<PingCounter> {
  const seen = { connections: 0, sent: 0, answered: 0, goneAway: 0 };
  const watch = (skip: number, onFrame: (type: number, flags: number) => void) => {
    let held: Buffer = Buffer.alloc(0);
    let left = skip;
    return (chunk: Buffer) => {
      held = Buffer.concat([held, chunk.subarray(left)]);
      left = Math.max(0, left - chunk.length);
      while (held.length >= 9 && held.length >= 9 + held.readUIntBE(0, 3)) {
        onFrame(held[3] as number, held[4] as number);
        held = held.subarray(9 + held.readUIntBE(0, 3));
      }
    };
  };
  const proxy = createServer((client) => {
    seen.connections++;
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on(
      "data",
      watch(PREFACE_BYTES, (type, flags) => type === PING && (flags & ACK) === 0 && seen.sent++),
    );
    upstream.on(
      "data",
      watch(0, (type, flags) => {
        if (type === PING && (flags & ACK) !== 0) seen.answered++;
        if (type === GOAWAY) seen.goneAway++;
      }),
    );
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return Object.assign(seen, { port: (proxy.address() as AddressInfo).port, close: () => void proxy.close() });
}

/** Before the first frame of a client. */
const PREFACE_BYTES = 24;

describe.skipIf(!HAS_GRPC).each([
  ["the lanes", {}],
  ["Connect's handlers", { unaryLane: false, streamLane: false }],
])("Python's gRPC and %s", (_, lanes) => {
  let server: EchoServer;
  let directory: string;
  let seen: Record<string, unknown>;
  let store: IdentityServer;
  let key: Credential;
  let counter: PingCounter;
  beforeAll(async () => {
    server = await startEchoServer(lanes);
    directory = await mkdtemp(join(tmpdir(), "colloquy-python-"));
    // Debian's compiler is older than `optional` in proto3; on the wire it says nothing.
    const old = await readFile("third_party/proto/google/rpc/error_details.proto", "utf8");
    await mkdir(join(directory, "old/google/rpc"), { recursive: true });
    await writeFile(join(directory, "old/google/rpc/error_details.proto"), old.replaceAll(/^ +optional /gm, "  "));
    const paths = [`-I${join(directory, "old")}`, "-Itest/proto", "-Ithird_party/proto"];
    const out = [`--python_out=${directory}`, `--grpc_python_out=${directory}`];
    await run(PYTHON, ["-m", "grpc_tools.protoc", ...paths, ...out, ...PROTOS]);
    store = await startIdentityServer();
    key = (await (await store.tenant()).key("read", "write", "admin")).credential;
    await writeFile(join(directory, "import.json"), JSON.stringify(importOf(store.url, key)));
    counter = await countPings(server.port);
    const program = join(import.meta.dirname, "python-grpc.py");
    const more = [`127.0.0.1:${counter.port}`, join(directory, "import.json")];
    const { stdout } = await run(PYTHON, [program, `127.0.0.1:${server.port}`, TOKEN, directory, ...more]);
    seen = JSON.parse(stdout);
  }, 120_000);
  afterAll(async () => {
    counter?.close();
    await server?.close();
    await store?.close();
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  test("F-UNKNOWN: is told UNIMPLEMENTED of what there is not, and the connection lives", () => {
    const unknown = { code: "UNIMPLEMENTED", details: "there is no such service or method" };
    expect(seen["no service"]).toMatchObject(unknown);
    expect(seen["no method"]).toMatchObject(unknown);
    expect(seen["after all"]).toBe("still");
  });

  test("F-UNKNOWN: gets answers of every kind of method, compressed too", () => {
    expect(seen).toMatchObject({
      unary: "zwei — ü",
      "server stream": 3,
      "client stream": ["one", "two", "three"],
      "both ways": 3,
      gzip: 10_000,
    });
    expect(seen.deflate).toMatchObject({ code: "UNIMPLEMENTED" });
  });

  test("F-PING: pings while a call is silent and while there is none, on one connection", () => {
    expect(seen["pings: silent call"]).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(seen["pings: after"]).toBe("still");
    expect(counter.connections).toBe(1);
    expect(counter.sent).toBeGreaterThanOrEqual(4);
    // The last one may have been on its way when the client left.
    expect(counter.answered).toBeGreaterThanOrEqual(counter.sent - 1);
    expect(counter.goneAway).toBe(0);
  });

  test("F-BODY: imports in many requests, whole", async () => {
    expect(seen.import).toEqual(expect.any(String));
    const answer = fromBinary(ImportConversationsResponseSchema, Buffer.from(seen.import as string, "hex"));
    expect(answer).toMatchObject({ lineCount: 302n, conversationCount: 1n, messageCount: 300n, errorCount: 1n });
    const { messages } = await store
      .client(MessageService, key)
      .listMessages({ conversationId: IMPORTED, pageSize: 1 });
    expect(messages[0]?.content).toBe("zwei — ü 0");
  });

  test("F-ERRTEXT: gets errors with their text, their details and their code", () => {
    const bad = seen["bad field"] as Failure;
    expect(bad).toMatchObject({ code: "INVALID_ARGUMENT", fields: ["behave"] });
    expect(bad.details).toMatch(/^behave: must be at most/);
    expect(bad.status).toBe(bad.details);
    expect(seen["no credential"]).toMatchObject({ code: "UNAUTHENTICATED" });
    expect(seen.deadline).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(seen["too large"]).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      details: expect.stringContaining("4194304"),
    });
  });
});
