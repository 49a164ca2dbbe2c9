// What imports hold counts among what request bodies may hold: lines that have not ended, batches, what was compressed.
import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ImportConversationsRequestSchema } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { frame } from "../support/calls/raw-call.ts";
import { conversationLine, messageLine } from "../support/calls/transfer.ts";
import { type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

const MIB = 1024 * 1024;
const IMPORT = "/colloquy.v1.TransferService/ImportConversations";

let server: StoreServer;
let tenant: TestTenant;
beforeAll(async () => {
  // A quarter of what there is by default, so that a quarter of the bytes fills it.
  server = await startStoreServer({ bodyLimits: { maxBodyBytes: 4 * MIB, maxBodyTotalBytes: 16 * MIB } });
  tenant = await server.tenant();
});
afterAll(() => server.close());

const piece = (data: Uint8Array) =>
  toBinary(ImportConversationsRequestSchema, create(ImportConversationsRequestSchema, { body: { data } }));
const plain = (data: Uint8Array) => frame(piece(data));
const packed = (data: Uint8Array) => frame(gzipSync(piece(data)), 1);

interface Form {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly frame: (data: Uint8Array) => Buffer;
}
const form = (type: string, encoding: string | undefined, make: (data: Uint8Array) => Buffer): Form => ({
  path: IMPORT,
  headers: { "content-type": type, ...(encoding && { [encoding]: "gzip" }) },
  frame: make,
});
const FORMS: readonly [name: string, form: Form, pieceBytes: number][] = [
  ["gRPC", form("application/grpc", undefined, plain), MIB / 4],
  ["Connect", form("application/connect+proto", undefined, plain), MIB / 4],
  ["gRPC, compressed", form("application/grpc", "grpc-encoding", packed), MIB],
  ["Connect, compressed in one", form("application/connect+proto", "connect-content-encoding", packed), 3.9 * MIB],
];

function begin(session: ClientHttp2Session, { path, headers }: Form) {
  const principal = {
    kind: "key",
    tenantId: tenant.id,
    keyId: crypto.randomUUID(),
    scopes: ["read", "write", "admin"],
  };
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    te: "trailers",
    "x-test-principal": JSON.stringify(principal),
    ...headers,
  });
  const answer = new Promise<string>((resolve) => {
    let text = "";
    stream.on("response", (got) => (text += JSON.stringify(got)));
    stream.on("trailers", (got) => (text += JSON.stringify(got)));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    stream.on("error", () => {});
    stream.on("end", () => resolve(text));
    stream.on("close", () => resolve(text));
  });
  return { stream, answer };
}

/** The pieces of a body, as they go on the wire. */
function framed({ frame: make }: Form, data: Buffer, pieceBytes: number): Buffer[] {
  const frames: Buffer[] = [];
  for (let from = 0; from < data.length; from += pieceBytes) frames.push(make(data.subarray(from, from + pieceBytes)));
  return frames;
}

describe("A8: what imports hold", () => {
  it.each(FORMS)("stays within the limit for 60 unfinished lines over %s on one connection", async (_, how, bytes) => {
    const session = connect(server.url, { maxSessionMemory: 2_000 });
    const pieces = framed(how, Buffer.alloc(3.9 * MIB, " "), bytes);
    let refused = 0;
    let most = 0;
    const answers = Array.from({ length: 60 }, () => {
      const { stream, answer } = begin(session, how);
      for (const piece of pieces) stream.write(piece);
      return answer.then((text) => {
        if (/too( |%20)many( |%20)request/.test(text)) refused++;
      });
    });
    const { memory } = server.bodies;
    await expect
      .poll(
        () => {
          most = Math.max(most, memory.held);
          return refused;
        },
        { timeout: 45_000, interval: 10 },
      )
      .toBeGreaterThan(10);
    expect(most).toBeLessThan(2 * memory.limits.maxBodyBytes + 5 * MIB);
    expect(most).toBeGreaterThan(memory.limits.maxBodyBytes / 2);
    session.destroy();
    await Promise.all(answers);
    await expect.poll(() => memory.held, { timeout: 45_000 }).toBe(0);
  });

  it.each(FORMS)("lets go of every line that is added: ten imports at once over %s", async (name, how, bytes) => {
    tenant = await server.tenant();
    const session = connect(server.url, { maxSessionMemory: 2_000 });
    const { memory } = server.bodies;
    const id = (n: number) => `${name} ${n}`;
    const lines = (n: number) => [
      conversationLine(id(n)),
      ...Array.from({ length: 20 }, (_, m) => messageLine(id(n), `m-${m}`, { content: "x".repeat(25_000) })),
    ];
    const answers = Array.from({ length: 10 }, (_, n) => {
      const { stream, answer } = begin(session, how);
      const data = Buffer.from(
        lines(n)
          .map((line) => `${JSON.stringify(line)}\n`)
          .join(""),
      );
      for (const piece of framed(how, data, Math.min(bytes, MIB))) stream.write(piece);
      stream.end();
      return answer;
    });
    for (const text of await Promise.all(answers)) expect(text).not.toMatch(/error|grpc-status":"[^0]/);
    expect(memory.held).toBe(0);
    session.destroy();
    const messages = { name: "test_messages", text: "select count(*)::int as n from message where tenant_id = $1" };
    const after = await server.database.query(messages, [tenant.id]);
    expect(after).toEqual([{ n: 200 }]);
  });
});
