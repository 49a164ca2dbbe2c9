// `import --files`: adds the files of a folder that an export wrote, after the messages that name them.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { ByteStore } from "../../files/byte-store.ts";
import { PIECE_BYTES } from "../../files/byte-store.ts";
import { fromFileLine } from "../../services/transfer/file-lines.ts";
import type { Queryable } from "../../store/database.ts";
import { addFileUse, type FileUseRow, readUseState } from "../../store/transfer/files.ts";
import { bytesPath, LIST, linesOf } from "./folder.ts";

/** What came of the lines, each of which is a message that names a file. */
export interface ReadFiles {
  readonly added: number;
  /** Were there already. */
  readonly present: number;
  readonly failures: number;
  /** Files whose bytes were added. */
  readonly files: number;
}

export interface FilesTarget {
  readonly on: Queryable;
  readonly tenantId: string;
  readonly bytes: ByteStore;
  readonly signal: AbortSignal;
  /** Told of each line that failed. */
  readonly onFailure: (line: number, description: string) => void;
}

export async function readFilesFolder(folder: string, target: FilesTarget): Promise<ReadFiles> {
  const { on, tenantId } = target;
  let added = 0;
  let present = 0;
  let failures = 0;
  let files = 0;
  for await (const [number, line] of linesOf(join(folder, LIST))) {
    target.signal.throwIfAborted();
    const use = fromFileLine(line);
    let fault = typeof use === "string" ? use : undefined;
    if (typeof use !== "string") {
      const state = await readUseState(on, tenantId, use);
      if (!state.message) fault = "messageSeq: there is no such message";
      else if (state.file === "erased") fault = "file.id: the file was erased here";
      else if (state.used) present++;
      else {
        if (state.file === "kept") await addFileUse(on, tenantId, use);
        else fault = await add(folder, target, use);
        if (fault === undefined) added++;
        if (fault === undefined && state.file === undefined) files++;
      }
    }
    if (fault === undefined) continue;
    failures++;
    target.onFailure(number, fault);
  }
  return { added, present, failures, files };
}

/** A text says what is wrong; then nothing of it is stored. */
async function add(folder: string, { on, tenantId, bytes }: FilesTarget, use: FileUseRow): Promise<string | undefined> {
  const key = { tenantId, id: use.id };
  const writer = await bytes.create(key);
  const hash = createHash("sha256");
  let size = 0n;
  try {
    for await (const chunk of createReadStream(bytesPath(folder, use.id), { highWaterMark: PIECE_BYTES })) {
      const piece = chunk as Buffer;
      hash.update(piece);
      size += BigInt(piece.byteLength);
      await writer.write(piece);
    }
  } catch (error) {
    await writer.abort();
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return `file.id: ${use.id} has no bytes in the folder`;
    throw error;
  }
  if (size !== use.size || !hash.digest().equals(use.sha256)) {
    await writer.abort();
    return `file.sha256: the bytes of ${use.id} are others`;
  }
  await writer.commit();
  // The message, or the file, may have come or gone meanwhile.
  if (await addFileUse(on, tenantId, use)) return undefined;
  if ((await readUseState(on, tenantId, use)).file === undefined) await bytes.remove(key);
  return undefined;
}
