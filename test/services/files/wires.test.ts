// What is stored equals what was sent, whatever the wire, the bytes and the pieces.

import { createHash, randomBytes, randomInt } from "node:crypto";
import { request } from "node:http";
import { connect } from "node:http2";
import { Readable } from "node:stream";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreateFileRequestSchema, FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { FILE_WIRES, personOf, pieces, sha256 } from "../../support/calls/files.ts";
import { type IdentityServer, startIdentityServer, WIRES } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

async function* bytesOf(upload: ReturnType<typeof pieces>) {
  for await (const { body } of upload) yield body.data;
}

const MAX_PIECE = 3 * 1024 * 1024;

test.each(FILE_WIRES)(
  "over %s, files of any size in any pieces come back as they were, whole and in part",
  async (wire) => {
    const tenant = await server.tenant();
    const { credential } = await tenant.key("read", "write");
    const key = personOf(server, credential);
    for (const size of [0, 1, 65_536, 262_144, 262_145, randomInt(1_000_000), randomInt(6_000_000)]) {
      const bytes = randomBytes(size);
      const from = randomInt(size + 1);
      const length = randomInt(size + 1);
      const part = bytes.subarray(from, length === 0 ? size : from + length);
      const upload = pieces(bytes, { size: 1 + randomInt(Math.min(MAX_PIECE, size + 1)) + (size >> 6) });
      if (wire === "rest") {
        const body = Readable.toWeb(Readable.from(bytesOf(upload)));
        const made = await key.rest("/v1/files", { method: "POST", body, duplex: "half" } as unknown as RequestInit);
        const file = (await made.json()) as { id: string; sha256: string };
        expect([size, file.sha256]).toEqual([size, sha256(bytes)]);
        const whole = await key.rest(`/v1/files/${file.id}/content`);
        expect(sha256(await whole.bytes())).toBe(sha256(bytes));
        const some = await key.rest(`/v1/files/${file.id}/content?offset=${from}&length=${length}`);
        expect(Buffer.compare(await some.bytes(), part)).toBe(0);
        continue;
      }
      const client = server.client(FileService, credential, wire);
      const { file } = await client.createFile(upload);
      const fileId = file?.id ?? "";
      expect([size, file?.sha256, Number(file?.size)]).toEqual([size, sha256(bytes), size]);
      const read = async (asked: object) =>
        Buffer.concat(
          await Array.fromAsync(client.downloadFile({ fileId, ...asked }), ({ body }) => body?.data ?? Buffer.of()),
        );
      expect(sha256(await read({}))).toBe(sha256(bytes));
      expect(Buffer.compare(await read({ offset: BigInt(from), length: BigInt(length) }), part)).toBe(0);
    }
  },
);

test.each(WIRES)(
  "over %s, what counts in the first message alone is refused in a later one, unless it is the same",
  async (wire) => {
    const tenant = await server.tenant();
    const { credential } = await tenant.key("read", "write");
    const client = server.client(FileService, credential, wire);
    const create = async (...messages: MessageInitShape<typeof CreateFileRequestSchema>[]) => {
      async function* all() {
        yield* messages;
      }
      return client.createFile(all()).then(
        ({ file }) => file?.name,
        (error: ConnectError) => error.rawMessage,
      );
    };
    const first = { name: "a.txt", requestId: "one", body: { contentType: "text/plain" } };
    expect(await create(first, { name: "b.txt" })).toBe("name: must be given in the first message");
    expect(await create({}, { name: "b.txt" })).toBe("name: must be given in the first message");
    expect(await create(first, { requestId: "two" })).toBe("request_id: must be given in the first message");
    const other = "body.content_type: must be given in the first message";
    expect(await create(first, { body: { contentType: "text/html" } })).toBe(other);
    expect((await client.listFiles({})).files).toEqual([]);
    expect(await create(first, first, { ...first, purpose: "late" })).toBe("a.txt");
  },
);

test("a reader that lets the server wait gets the bytes as they are, over HTTP/1.1 and HTTP/2", async () => {
  const tenant = await server.tenant();
  const key = personOf(server, (await tenant.key("read", "write")).credential);
  const bytes = randomBytes(24 * 1024 * 1024 + 7);
  const { id, sha256: hash } = await key.upload(bytes);
  const path = `/v1/files/${id}/content`;
  const session = connect(server.url);
  const streams = [
    await new Promise<Readable>((resolve, reject) => {
      const asked = request(`${server.url}${path}`, { headers: { ...key.credential } }, resolve);
      asked.on("error", reject);
      asked.end();
    }),
    session.request({ ":path": path, ...key.credential }),
  ];
  for (const stream of streams) {
    const read = createHash("sha256");
    let held = 0;
    for await (const chunk of stream) {
      // Meanwhile all buffers between the two fill.
      if (held++ % 100 === 0) await key.files.getFile({ fileId: id });
      read.update(chunk);
    }
    expect(read.digest("hex")).toBe(hash);
  }
  session.close();
});
