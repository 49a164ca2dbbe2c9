// F-CUT-UPLOAD: uploads that clients cancel over HTTP/2. Node's client ends the stream before it resets it: for a moment what was
// cut looks whole.
import { connect } from "node:http2";
import { setTimeout } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CreateFileRequestSchema } from "../../gen/colloquy/v1/file_service_pb.ts";
import { sendHttp } from "../support/dialect-server.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/identity-server.ts";
import { frame } from "../support/raw-call.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

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
