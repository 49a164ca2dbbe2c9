// The room that uploads under way take of a tenant's quota.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { Interruption } from "../../../src/domain/cancellation.ts";
import type { ByteStore } from "../../../src/files/byte-store.ts";
import { createDiskStore } from "../../../src/files/disk.ts";
import type { CallContext } from "../../../src/pipeline/call/call.ts";
import { createFile } from "../../../src/services/files/create.ts";
import { RunningUploads } from "../../../src/services/files/running-uploads.ts";
import { type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "colloquy-room-"));
  server = await startIdentityServer();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

test("of two uploads at once for which there is no room together, one is stored, however long the other takes to go", async () => {
  const { id: tenantId, key } = await server.tenant();
  const { id: keyId } = await key("read", "write");
  const refused = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  let aborts = 0;
  const disk = createDiskStore(folder);
  const bytes: ByteStore = {
    ...disk,
    async create(place) {
      const writer = await disk.create(place);
      return {
        write: (chunk, options) => writer.write(chunk, options),
        commit: () => writer.commit(),
        async abort() {
          refused.resolve();
          aborts++;
          if (aborts === 1) await stored.promise;
          await writer.abort();
        },
      };
    },
  };
  const parts = { database: server.database, bytes, maxBytes: 2_000, quota: 1_000, running: new RunningUploads() };
  const context = {
    principal: { kind: "key", tenantId, keyId, scopes: new Set(["write"]), memberId: undefined },
    wire: "connect",
    method: FileService.method.createFile,
    header: () => undefined,
    interrupt: new Interruption(),
    signal: new AbortController().signal,
  } as unknown as CallContext;
  const begun = Promise.withResolvers<void>();
  const part = { name: "", purpose: "", requestId: "", body: { contentType: "text/plain", data: Buffer.alloc(600) } };
  async function* first() {
    yield part;
    begun.resolve();
    await refused.promise;
    yield { ...part, body: { contentType: "", data: Buffer.alloc(300) } };
  }
  async function* second() {
    await begun.promise;
    yield part;
  }
  const brings = (requests: AsyncIterable<unknown>) =>
    createFile(parts, requests as Parameters<typeof createFile>[1], context);
  const two = brings(second());
  two.catch(() => {});
  const { file } = await brings(first()).finally(stored.resolve);
  expect(file?.size).toBe(900n);
  await expect(two).rejects.toThrow("the files of the tenant may take at most 1000 bytes together");
  // Nothing is held any more: what is left can be taken.
  async function* last() {
    yield { ...part, body: { contentType: "", data: Buffer.alloc(100) } };
  }
  expect((await brings(last())).file?.size).toBe(100n);
});
