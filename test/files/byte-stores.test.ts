// Every store of bytes behaves alike: a folder, and an S3-compatible server.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { ErrorReason } from "../../src/domain/errors.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { type ByteStore, type FileKey, PIECE_BYTES } from "../../src/files/byte-store.ts";
import { openFiles } from "../../src/files/open.ts";
import { hasSwift, startSwift } from "../support/services/swift.ts";

const MAX_BYTES = 100 * 1024 * 1024;
const MIB = 1024 * 1024;

const STORES: [name: string, place: () => Promise<string>][] = [
  [
    "a folder",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "colloquy-bytes-"));
      afterAll(() => rm(folder, { recursive: true }));
      return `disk:${folder}`;
    },
  ],
];
if (hasSwift()) STORES.push(["an S3-compatible server", async () => (await startSwift()).place("kept/here")]);

const tenantId = newId();
const keyOf = (): FileKey => ({ tenantId, id: newId() });
const later = () => new Date(Date.now() + 3_600_000);

async function write(store: ByteStore, key: FileKey, bytes: Uint8Array, piece = 100_000): Promise<void> {
  const writer = await store.create(key);
  for (let at = 0; at < bytes.byteLength; at += piece) await writer.write(bytes.subarray(at, at + piece));
  await writer.commit();
}

async function read(store: ByteStore, key: FileKey, offset: number, length: number): Promise<Buffer> {
  return Buffer.concat(
    await Array.fromAsync(store.read(key, { offset, length }), (piece) => {
      expect(piece.byteLength).toBeLessThanOrEqual(PIECE_BYTES);
      return piece;
    }),
  );
}

const listed = async (store: ByteStore, before: Date) =>
  (await Array.fromAsync(store.list(before))).map(({ id }) => id).sort();

describe.each(STORES)("%s", (_name, place) => {
  let store: ByteStore;
  beforeAll(async () => {
    const { files } = loadConfig({ COLLOQUY_FILES: await place() });
    store = await openFiles(files.place, MAX_BYTES);
  });
  afterAll(() => store.close());

  test.each([1, 65_536, 5 * MIB, 5 * MIB + 1, 12 * MIB + 7])("gives back %i bytes, whole and in part", async (size) => {
    const key = keyOf();
    const bytes = randomBytes(size);
    await write(store, key, bytes, 333_333);
    expect(Buffer.compare(await read(store, key, 0, size), bytes)).toBe(0);
    const [from, length] = [size >> 1, Math.max(1, size >> 2)];
    expect(Buffer.compare(await read(store, key, from, length), bytes.subarray(from, from + length))).toBe(0);
    expect(Buffer.compare(await read(store, key, size - 1, 1), bytes.subarray(size - 1))).toBe(0);
    await store.remove(key);
  });

  test("keeps a file without bytes", async () => {
    const key = keyOf();
    await write(store, key, Buffer.of());
    expect(await listed(store, later())).toContain(key.id);
    await store.remove(key);
    expect(await listed(store, later())).not.toContain(key.id);
  });

  test("shows nothing of what was not ended, and nothing of what was given up", async () => {
    const key = keyOf();
    const writer = await store.create(key);
    for (let n = 0; n < 6; n++) await writer.write(randomBytes(MIB));
    expect(await listed(store, later())).not.toContain(key.id);
    await writer.abort();
    expect(await listed(store, later())).not.toContain(key.id);
    await expect(read(store, key, 0, 1)).rejects.toThrow();
    expect(await store.removeUnfinished(later())).toBe(0);
  });

  test("removes for good, and what is not there too", async () => {
    const key = keyOf();
    await write(store, key, randomBytes(10));
    await store.remove(key);
    await store.remove(key);
    await expect(read(store, key, 0, 1)).rejects.toThrow();
  });

  test("lists what is older, of each tenant", async () => {
    const keys = [keyOf(), { tenantId: newId(), id: newId() }];
    for (const key of keys) await write(store, key, randomBytes(10));
    const all = await Array.fromAsync(store.list(later()));
    expect(all).toEqual(expect.arrayContaining(keys));
    expect(await listed(store, new Date(Date.now() - 3_600_000))).toEqual([]);
    for (const key of keys) await store.remove(key);
  });

  test("gives up a read whose reader leaves, and has room for hundreds at once", async () => {
    const key = keyOf();
    const bytes = randomBytes(2 * MIB);
    await write(store, key, bytes);
    for (let n = 0; n < 60; n++) {
      for await (const piece of store.read(key, { offset: 0, length: bytes.length })) {
        expect(piece[0]).toBe(bytes[0]);
        break;
      }
    }
    const open = Array.from({ length: 60 }, () =>
      store.read(key, { offset: 0, length: bytes.length })[Symbol.asyncIterator](),
    );
    for (const one of open) expect((await one.next()).value?.[0]).toBe(bytes[0]);
    expect(Buffer.compare(await read(store, key, 0, bytes.length), bytes)).toBe(0);
    await Promise.all(open.map((one) => one.return?.()));
    await store.remove(key);
  });

  test("reads into the same memory again only where the reader is done with a piece when it asks for the next", async () => {
    const key = keyOf();
    const bytes = randomBytes(3 * MIB + 5);
    await write(store, key, bytes);
    const range = { offset: 3, length: bytes.length - 3 };
    const kept = await Array.fromAsync(store.read(key, range));
    const copied = await Array.fromAsync(store.read(key, range, { reuse: true }), (piece) => new Uint8Array(piece));
    for (const pieces of [kept, copied]) expect(Buffer.compare(Buffer.concat(pieces), bytes.subarray(3))).toBe(0);
    await store.remove(key);
  });

  test("fails where a file is shorter than it was", async () => {
    const key = keyOf();
    await write(store, key, randomBytes(10));
    await expect(read(store, key, 0, 20)).rejects.toThrow();
    await store.remove(key);
  });
});

test("a folder frees the memory that it is given once it is stored, and no other", async () => {
  const store = await openFiles({ kind: "disk", folder: await mkdtemp(join(tmpdir(), "colloquy-bytes-")) }, MAX_BYTES);
  const key = keyOf();
  const bytes = randomBytes(900_000);
  const chunk = (at: number) => new Uint8Array(bytes.subarray(at, at + 300_000));
  const [given, kept, shared] = [chunk(0), chunk(300_000), new Uint8Array(300_001)];
  shared.set(bytes.subarray(600_000));
  const writer = await store.create(key);
  await writer.write(given, { give: true });
  await writer.write(kept);
  await writer.write(shared.subarray(0, 300_000), { give: true });
  await writer.commit();
  expect([given, kept, shared].map(({ byteLength }) => byteLength)).toEqual([0, 300_000, 300_001]);
  expect((await read(store, key, 0, bytes.length)).equals(bytes)).toBe(true);
});

test("a folder that is a file, and bytes that are gone, are told as such", async () => {
  const file = join(await mkdtemp(join(tmpdir(), "colloquy-bytes-")), "file");
  await writeFile(file, "");
  const wrong = await openFiles({ kind: "disk", folder: file }, MAX_BYTES);
  const unusable = { reason: ErrorReason.FILES_UNAVAILABLE, message: "the folder of files cannot be used" };
  await expect(wrong.create(keyOf())).rejects.toMatchObject(unusable);
  await expect(read(wrong, keyOf(), 0, 1)).rejects.toMatchObject(unusable);
  const right = await openFiles({ kind: "disk", folder: `${file}s` }, MAX_BYTES);
  await expect(read(right, keyOf(), 0, 1)).rejects.toMatchObject({
    reason: ErrorReason.FILES_UNAVAILABLE,
    message: "the bytes of this file are not in the server's folder of files, which servers of one database must share",
  });
});

test("a folder is made when it is needed", async () => {
  const folder = join(await mkdtemp(join(tmpdir(), "colloquy-bytes-")), "new");
  const store = await openFiles({ kind: "disk", folder }, MAX_BYTES);
  expect([await listed(store, later()), existsSync(folder)]).toEqual([[], false]);
});
