// F-CUT-UPLOAD: uploads that clients cancel over HTTP/2. Node's client ends the stream before it resets it: for a
// moment what was cut looks whole. And uploads in pieces whose line breaks: what came was thrown away, because the
// break cancels the call.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { connect } from "node:http2";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CreateFileRequestSchema } from "../../gen/colloquy/v1/file_service_pb.ts";
import { frame } from "../support/calls/raw-call.ts";
import { sendHttp } from "../support/servers/dialect-server.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-cut-"));
  server = await startIdentityServer({ environment: { COLLOQUY_FILES: `disk:${folder}` } });
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const RPC = "/colloquy.v1.FileService/CreateFile";
const begun = (name: string) =>
  frame(
    toBinary(
      CreateFileRequestSchema,
      create(CreateFileRequestSchema, { name, body: { contentType: "text/plain", data: Buffer.from("first half, ") } }),
    ),
  );

/** Sends the first half of a file, resets the stream, and waits until the server has done with it. */
async function cut(path: string, type: string, bytes: Uint8Array, code: number): Promise<void> {
  const session = connect(server.url);
  const stream = session.request({ ...key, ":method": "POST", ":path": path, "content-type": type, te: "trailers" });
  stream.on("error", () => {});
  stream.write(bytes);
  // A ping comes back once what was sent before it has come, and the server waits for more.
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => session.ping(resolve));
    await setTimeout(10);
  }
  stream.close(code);
  await new Promise((resolve) => stream.on("close", resolve));
  await new Promise((resolve) => session.ping(resolve));
  session.close();
}

const names = async () => {
  const { json } = await sendHttp(`${server.url}/v1/files`, "GET", { credential: key });
  return (json.files ?? []).map(({ name }: { name: string }) => name);
};

// CANCEL, NO_ERROR and INTERNAL_ERROR.
test.each([8, 0, 2])("a file whose stream is reset with code %i is not stored, on any wire", async (code) => {
  await Promise.all([
    cut("/v1/files?name=rest", "text/plain", Buffer.from("first half, "), code),
    cut(RPC, "application/grpc", begun("grpc"), code),
    cut(RPC, "application/connect+proto", begun("connect"), code),
  ]);
  // Stored after those, were they stored at all.
  const init = { method: "POST", headers: { ...key, "content-type": "text/plain" }, body: "whole" };
  expect((await fetch(`${server.url}/v1/files?name=whole`, init)).status).toBe(201);
  expect(new Set(await names())).toEqual(new Set(["whole"]));
});

/** What of uploads under way is on the disk, in bytes. */
async function arrived(): Promise<number> {
  const unfinished = join(folder, "unfinished");
  const sizes = (await readdir(unfinished).catch(() => [])).map(
    async (name) => (await stat(join(unfinished, name))).size,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const tus = (method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array<ArrayBuffer>) =>
  fetch(`${server.url}${path}`, {
    method,
    headers: { ...key, "tus-resumable": "1.0.0", ...headers },
    ...(body !== undefined && { body }),
  });
const PIECE = { "content-type": "application/offset+octet-stream", "tus-resumable": "1.0.0" };

/** Begins a request over HTTP/1.1. */
function overSocket(path: string, part: Buffer, chunked: boolean) {
  const socket = connectPlain(Number(new URL(server.url).port), "127.0.0.1");
  socket.on("error", () => {});
  const headers = { host: "localhost", ...key, ...PIECE, "upload-offset": "0" };
  const length = chunked ? "transfer-encoding: chunked" : `content-length: ${2 * part.byteLength}`;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write(`${[`PATCH ${path} HTTP/1.1`, ...lines, length].join("\r\n")}\r\n\r\n`);
  if (chunked) socket.write(`${part.byteLength.toString(16)}\r\n`);
  socket.write(part);
  return socket;
}

/** Begins a request over HTTP/2. */
function overSession(path: string, part: Buffer) {
  const session = connect(server.url);
  session.on("error", () => {});
  const stream = session.request({ ...key, ...PIECE, "upload-offset": "0", ":method": "PATCH", ":path": path });
  stream.on("error", () => {});
  stream.write(part);
  return { session, stream };
}

type Cut = () => unknown;
const LINES: Record<string, (path: string, part: Buffer) => Cut> = {
  "is closed": (path, part) => {
    const socket = overSocket(path, part, false);
    return () => socket.end();
  },
  "is reset": (path, part) => {
    const socket = overSocket(path, part, false);
    return () => socket.resetAndDestroy();
  },
  "is reset between chunks": (path, part) => {
    const socket = overSocket(path, part, true);
    return () => socket.resetAndDestroy();
  },
  "has its stream reset over HTTP/2": (path, part) => {
    const { session, stream } = overSession(path, part);
    return () => {
      stream.close(8);
      session.close();
    };
  },
  "is destroyed over HTTP/2": (path, part) => {
    const { session } = overSession(path, part);
    return () => session.destroy();
  },
};

test.each(Object.entries(LINES))(
  "an upload in pieces keeps what came over a line that %s, and goes on",
  async (_, begin) => {
    const bytes = randomBytes(2 * 2 ** 20);
    const made = await tus("POST", "/v1/uploads", { "upload-length": String(bytes.byteLength) });
    const path = made.headers.get("location") ?? "";
    const before = await arrived();
    const cutLine = begin(path, bytes.subarray(0, 2 ** 20));
    await expect.poll(arrived, { timeout: 4_000 }).toBeGreaterThan(before);
    cutLine();
    const offset = async () => Number((await tus("HEAD", path)).headers.get("upload-offset"));
    // More than one write of a piece to the disk.
    await expect.poll(offset, { timeout: 4_000 }).toBeGreaterThanOrEqual(256 * 1024);
    const at = await offset();
    expect(await arrived()).toBe(before);
    const rest = await tus(
      "PATCH",
      path,
      { ...PIECE, "upload-offset": String(at) },
      new Uint8Array(bytes.subarray(at)),
    );
    expect([rest.status, rest.headers.get("upload-offset")]).toEqual([204, String(bytes.byteLength)]);
    const file = await fetch(`${server.url}${rest.headers.get("content-location")}/content`, { headers: key });
    expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true);
  },
);
