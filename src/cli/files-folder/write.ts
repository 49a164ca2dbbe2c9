// `export --files`: writes the files of an export to a folder. What is there already stays, so that a broken export
// goes on.
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ByteStore } from "../../files/byte-store.ts";
import { fromFileLine, toFileLine } from "../../services/transfer/file-lines.ts";
import type { Queryable } from "../../store/database.ts";
import { type FileUseRow, readUseState } from "../../store/transfer/files.ts";
import { CommandError } from "../command.ts";
import { bytesPath, LIST, linesOf } from "./folder.ts";

export interface WrittenFiles {
  /** Files whose bytes are there now. */
  readonly files: number;
  /** Files that were erased while the export ran: it has none of them. */
  readonly erased: number;
}

/**
 * Takes the uses of files while the snapshot is read; bytes are copied afterwards, so that it need not wait for them.
 */
export async function openFilesFolder(folder: string) {
  const noted = join(folder, `${LIST}.noted`);
  const unfinished = join(folder, `${LIST}.unfinished`);
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause) => {
    throw new CommandError(`${folder}: cannot be created`, { cause });
  });
  // A list of an earlier export does not say what this one holds.
  await rm(join(folder, LIST), { force: true });
  const list = await open(noted, "w", 0o600);
  return {
    note: async (use: FileUseRow) => {
      await list.appendFile(`${toFileLine(use)}\n`);
    },

    async copyBytes(on: Queryable, tenantId: string, bytes: ByteStore, signal: AbortSignal): Promise<WrittenFiles> {
      await list.close();
      let files = 0;
      let erased = 0;
      const kept = await open(unfinished, "w", 0o600);
      for await (const [, line] of linesOf(noted)) {
        signal.throwIfAborted();
        const use = fromFileLine(line);
        if (typeof use === "string") throw new Error(`a line that was just written ${use}`);
        const path = bytesPath(folder, use.id);
        if (!(await isThere(path, use))) {
          try {
            await copy(tenantId, bytes, use, path);
          } catch (cause) {
            if ((await readUseState(on, tenantId, use)).file === "kept") {
              throw new CommandError(`the bytes of the file ${use.id} cannot be copied to ${path}`, { cause });
            }
            erased++;
            continue;
          }
          files++;
        }
        await kept.appendFile(`${line}\n`);
      }
      await kept.sync();
      await kept.close();
      await rename(unfinished, join(folder, LIST));
      await rm(noted);
      return { files, erased };
    },
  };
}

/** It was renamed only when it was whole. */
async function isThere(path: string, { size }: FileUseRow): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && BigInt(found.size) === size;
}

async function copy(tenantId: string, bytes: ByteStore, { id, size, sha256 }: FileUseRow, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const hash = createHash("sha256");
  const source = async function* () {
    if (size === 0n) return;
    for await (const piece of bytes.read({ tenantId, id }, { offset: 0, length: Number(size) })) {
      hash.update(piece);
      yield piece;
    }
  };
  const unfinished = `${path}.unfinished`;
  await pipeline(source, createWriteStream(unfinished, { mode: 0o600, flush: true }));
  if (!hash.digest().equals(sha256)) throw new CommandError(`the stored bytes of the file ${id} are damaged`);
  await rename(unfinished, path);
}
