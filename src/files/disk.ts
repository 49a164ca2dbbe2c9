// Files in a folder: written under another name, made durable, then renamed.
import { randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { isOurId } from "../domain/ids/id.ts";
import { isNoRoom } from "../domain/no-room.ts";
import {
  type ByteRange,
  type ByteStore,
  type ByteWriter,
  type FileKey,
  PIECE_BYTES,
  type WriteOptions,
} from "./byte-store.ts";
import { free } from "./free.ts";

/** Files that are not whole yet. */
const UNFINISHED = "unfinished";

/** @param root made when it is needed */
export function createDiskStore(root: string): ByteStore {
  // The end of an id is random: 256 folders for each tenant.
  const pathOf = ({ tenantId, id }: FileKey) => join(root, tenantId, id.slice(-2), id);

  return {
    async create(key) {
      const unfinished = join(root, UNFINISHED, `${key.id}.${randomBytes(6).toString("hex")}`);
      const begun = await withFolder(unfinished, () => open(unfinished, "wx", 0o600));
      return new DiskWriter(begun.done, unfinished, pathOf(key));
    },

    read: (key, range, { reuse = false } = {}) => readRange(pathOf(key), range, reuse),

    has: async (key) => (await stat(pathOf(key)).catch(unlessGone(undefined))) !== undefined,

    async remove(key) {
      await rm(pathOf(key), { force: true });
    },

    async *list(before) {
      for (const tenant of await entriesOf(root)) {
        if (!tenant.isDirectory() || !isOurId(tenant.name)) continue;
        for (const shard of await entriesOf(join(root, tenant.name))) {
          for (const { name } of await entriesOf(join(root, tenant.name, shard.name))) {
            const key = { tenantId: tenant.name, id: name };
            if (isOurId(name) && (await isOlder(pathOf(key), before))) yield key;
          }
        }
      }
    },

    async removeUnfinished(before) {
      let removed = 0;
      for (const { name } of await entriesOf(join(root, UNFINISHED))) {
        const path = join(root, UNFINISHED, name);
        if (!(await isOlder(path, before))) continue;
        await rm(path, { force: true });
        removed++;
      }
      return removed;
    },

    async close() {},
  };
}

/**
 * Does what needs the folder of a path, which is nearly always there; else it is made.
 *
 * @returns also the first folder that was made
 */
async function withFolder<T>(path: string, act: () => Promise<T>): Promise<{ done: T; made?: string | undefined }> {
  try {
    return { done: await act() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") told(error as NodeJS.ErrnoException);
  }
  const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 }).catch(told);
  return { done: await act().catch(told), made };
}

class DiskWriter implements ByteWriter {
  readonly #file: FileHandle;
  readonly #unfinished: string;
  readonly #path: string;
  /** What is not being written yet. */
  #chunks: Uint8Array[] = [];
  /** Those of them whose memory is free afterwards. */
  #given: Uint8Array[] = [];
  #size = 0;
  #writing: Promise<void> | undefined;

  constructor(file: FileHandle, unfinished: string, path: string) {
    this.#file = file;
    this.#unfinished = unfinished;
    this.#path = path;
  }

  async write(chunk: Uint8Array, { give = false }: WriteOptions = {}): Promise<void> {
    if (chunk.byteLength === 0) return;
    this.#chunks.push(chunk);
    if (give) this.#given.push(chunk);
    this.#size += chunk.byteLength;
    if (this.#size < PIECE_BYTES) return;
    // One batch is on its way to the disk while the next comes in.
    await this.#writing;
    this.#begin();
  }

  #begin(): void {
    const given = this.#given;
    this.#writing = writeAll(this.#file, this.#chunks).then(() => given.forEach(free));
    // It is told by whoever waits for it.
    this.#writing.catch(() => {});
    this.#chunks = [];
    this.#given = [];
    this.#size = 0;
  }

  async commit(): Promise<void> {
    await this.#writing;
    if (this.#size > 0) this.#begin();
    await this.#writing;
    await this.#file.sync().catch(told);
    await this.#file.close();
    const folder = dirname(this.#path);
    const { made } = await withFolder(this.#path, () => rename(this.#unfinished, this.#path));
    // The name is durable once its folder is, and a new folder once the one above it is.
    await syncFolder(folder);
    if (made === undefined) return;
    for (let above = dirname(folder); above.length >= dirname(made).length; above = dirname(above)) {
      await syncFolder(above);
      if (above === dirname(above)) break;
    }
  }

  async abort(): Promise<void> {
    await this.#writing?.catch(() => {});
    await this.#file.close().catch(() => {});
    await rm(this.#unfinished, { force: true }).catch(() => {});
  }
}

/**
 * One piece is read while the reader takes the one before: the memory of the one before that is free, if it may be used
 * again.
 */
async function* readRange(path: string, { offset, length }: ByteRange, reuse: boolean): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "r").catch(toldOfMissing);
  const end = offset + length;
  let free: Buffer | undefined;
  const readAt = async (at: number): Promise<Buffer> => {
    const size = Math.min(PIECE_BYTES, end - at);
    const buffer = free ?? Buffer.allocUnsafeSlow(size);
    free = undefined;
    const { bytesRead } = await file.read(buffer, 0, size, at);
    if (bytesRead === 0) throw new Error("a stored file is shorter than it was");
    return bytesRead === buffer.byteLength ? buffer : buffer.subarray(0, bytesRead);
  };
  let next = readAt(offset);
  for (let at = offset; at < end; ) {
    const piece = await next;
    at += piece.byteLength;
    if (at < end) {
      next = readAt(at);
      next.catch(() => {});
    }
    yield piece;
    // A short one may not have filled what holds a writer back until it is sent.
    if (reuse && piece.byteLength === PIECE_BYTES) free = piece;
  }
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await file.writev(chunks as Uint8Array[]).catch(told);
  if (bytesWritten === chunks.reduce((sum, { byteLength }) => sum + byteLength, 0)) return;
  let rest = Buffer.concat(chunks).subarray(bytesWritten);
  while (rest.byteLength > 0) rest = rest.subarray((await file.write(rest).catch(told)).bytesWritten);
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

async function entriesOf(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(unlessGone([]));
}

async function isOlder(path: string, before: Date): Promise<boolean> {
  const found = await stat(path).catch(unlessGone(undefined));
  return found !== undefined && found.mtime < before;
}

function unlessGone<T>(instead: T) {
  return (error: NodeJS.ErrnoException): T => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return instead;
    throw error;
  };
}

/** The folder is none, may not be used or is gone. */
const UNUSABLE: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT", "EIO"]);

function toldOfMissing(error: NodeJS.ErrnoException): never {
  if (error.code !== "ENOENT") told(error);
  const message =
    "the bytes of this file are not in the server's folder of files, which servers of one database must share";
  throw new DomainError(ErrorReason.FILES_UNAVAILABLE, message, { retryAfterMs: 5_000, cause: error });
}

function told(error: NodeJS.ErrnoException): never {
  const { code = "" } = error;
  if (isNoRoom(error)) {
    throw new DomainError(ErrorReason.OVERLOADED, "there is no room for files on the server's disk", { cause: error });
  }
  if (!UNUSABLE.has(code)) throw error;
  const message = "the folder of files cannot be used";
  throw new DomainError(ErrorReason.FILES_UNAVAILABLE, message, { retryAfterMs: 5_000, cause: error });
}
