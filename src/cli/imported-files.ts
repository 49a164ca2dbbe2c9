// Files that the messages of another system's export have in place: their bytes are stored while the messages are read,
// and named once these are there.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { FileHolder, ImportedFiles } from "../dialects/openai/import/drafts.ts";
import type { FileToStore } from "../dialects/shared/files/store-once.ts";
import { nameFault } from "../domain/files/name.ts";
import { isOurId } from "../domain/ids/id.ts";
import { importedId } from "../domain/ids/imported-id.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { describe, HEAD_BYTES } from "../files/describe.ts";
import type { Queryable } from "../store/database.ts";
import { addFileUse, type FileUseRow, readMessageSeq, readUseState } from "../store/transfer/files.ts";
import type { ReadFiles } from "./files-folder/read.ts";

interface Use extends Omit<FileUseRow, "seq"> {
  readonly messageId: string;
}

const NO_SEQ = 0n;

export class FilesOfImport implements ImportedFiles {
  readonly #on: Queryable;
  readonly #tenantId: string;
  readonly #bytes: ByteStore;
  /** Our ids of conversations, by those of the export. */
  readonly #conversations = new Map<string, string>();
  readonly #uses: Use[] = [];

  constructor(on: Queryable, tenantId: string, bytes: ByteStore) {
    this.#on = on;
    this.#tenantId = tenantId;
    this.#bytes = bytes;
  }

  conversation(id: string, createTime: Parameters<typeof timestampDate>[0] | undefined): void {
    const own = importedId(this.#tenantId, "conversation", id, createTime && timestampDate(createTime));
    this.#conversations.set(id, own);
  }

  /** The same message of a repeated import has the same file. */
  async store({ conversationId, id, createTime }: FileHolder, file: FileToStore): Promise<string> {
    const tenantId = this.#tenantId;
    const time = timestampDate(createTime);
    const conversation = this.#conversations.get(conversationId) ?? conversationId;
    const messageId = importedId(tenantId, "message", nameOf(conversation, id), time);
    const fileId = importedId(tenantId, "file", `${messageId} ${file.name} ${file.sha256}`, time);
    const use = { id: fileId, conversation_id: conversation, seq: NO_SEQ };
    const isNew = (await readUseState(this.#on, tenantId, use)).file === undefined;
    const { size, head } = await this.#write(fileId, file, isNew);
    const { mediaType, width, height } = await describe(head, size <= HEAD_BYTES, file.contentType);
    this.#uses.push({
      id: fileId,
      uploader: "system:command",
      name: nameFault(file.name) === undefined ? file.name : "",
      media_type: mediaType,
      size: BigInt(size),
      sha256: Buffer.from(file.sha256, "base64url"),
      width: width ?? null,
      height: height ?? null,
      create_time: time,
      purpose: "",
      expire_time: null,
      conversation_id: conversation,
      use_time: time,
      messageId,
    });
    return fileId;
  }

  async #write(id: string, { pieces }: FileToStore, isNew: boolean): Promise<{ size: number; head: Buffer }> {
    const writer = isNew ? await this.#bytes.create({ tenantId: this.#tenantId, id }) : undefined;
    let size = 0;
    let head = Buffer.alloc(0);
    try {
      for (const piece of pieces()) {
        if (head.length < HEAD_BYTES) head = Buffer.concat([head, piece]).subarray(0, HEAD_BYTES);
        size += piece.length;
        await writer?.write(piece);
      }
    } catch (error) {
      await writer?.abort();
      throw error;
    }
    await writer?.commit();
    return { size, head };
  }

  /** Names the files in the messages that are there now. The bytes of others are removed. */
  async finish(): Promise<ReadFiles> {
    const on = this.#on;
    const tenantId = this.#tenantId;
    const result = { added: 0, present: 0, failures: 0, files: 0 };
    for (const { messageId, ...one } of this.#uses) {
      const seq = await readMessageSeq(on, tenantId, one.conversation_id, messageId);
      const use = { ...one, seq: seq ?? NO_SEQ };
      const state = await readUseState(on, tenantId, use);
      if (state.used) result.present++;
      else if (state.file === "erased") result.failures++;
      else if (seq !== undefined) {
        if (await addFileUse(on, tenantId, use)) result.files++;
        result.added++;
      } else if (state.file === undefined) await this.#bytes.remove({ tenantId, id: one.id });
    }
    return result;
  }
}

/** As the import names a message, of whose id is none of ours. */
function nameOf(conversation: string, id: string): string {
  return isOurId(id) ? id : `${conversation}/${id}`;
}
