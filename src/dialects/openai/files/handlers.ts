// The methods about files: they are those of the contract, with another name for their ids.
import type { FileService } from "../../../../gen/colloquy/compat/openai/v1/file_service_pb.ts";
import type { File } from "../../../../gen/colloquy/v1/file_pb.ts";
import { FileOrder, FileService as Files } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import { notFound } from "../../../domain/errors.ts";
import type { Handlers } from "../../../pipeline/service.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { edgesOf } from "../conversations.ts";
import { fileIdOf, inParameter, ourFileId, ourFileIdIn } from "../ids.ts";
import type { ActOnce } from "../retries.ts";
import { piecesOf } from "./upload.ts";

/** Clients may ask for 10,000, and go on where a page says that there are more. */
const MAX_PAGE = 1_000;
const CANONICAL_PAGE = 200;
/** Of files that another API has stored without one. */
const NO_PURPOSE = "user_data";

export function createFileHandlers(canonical: Canonical, actOnce: ActOnce): Handlers<typeof FileService> {
  const { method } = Files;
  return {
    async createFile(requests, context) {
      const { file } = await canonical.upload(context, method.createFile, piecesOf(requests));
      return answerOf(file);
    },

    async getFile({ fileId }, context) {
      const { file } = await canonical.call(context, method.getFile, { fileId: ourFileId(fileId) });
      return answerOf(file);
    },

    async *getFileContent({ fileId }, context) {
      for await (const { body } of canonical.stream(context, method.downloadFile, { fileId: ourFileId(fileId) })) {
        yield body === undefined ? {} : { body };
      }
    },

    async listFiles({ limit = MAX_PAGE, after, order, purpose = "" }, context) {
      const afterId = after === undefined ? "" : ourFileIdIn(after);
      if (afterId === undefined) throw inParameter("after", notFound("file"));
      const request = { purpose, afterId, order: ORDERS[order ?? ""] ?? FileOrder.UNSPECIFIED };
      const size = Math.min(limit, MAX_PAGE);
      const files: File[] = [];
      let pageToken = "";
      do {
        const pageSize = Math.min(size - files.length, CANONICAL_PAGE);
        // A page token counts for the same request alone, but for the size of the page.
        const page = await canonical.call(context, method.listFiles, { ...request, pageSize, pageToken });
        files.push(...page.files);
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && files.length < size);
      const data = files.map(toFile);
      return { object: "list", data, ...edgesOf(data), hasMore: pageToken !== "" };
    },

    async deleteFile(request, context) {
      const { fileId } = request;
      const own = ourFileId(fileId);
      const once = await actOnce(context, method.deleteFile, request);
      await canonical.once(once, method.deleteFile, { fileId: own });
      return { file: { id: fileId, object: "file", deleted: true } };
    },
  };
}

/** One that was not sent stays so: the files of a conversation have no other order. */
const ORDERS: Readonly<Record<string, FileOrder>> = { asc: FileOrder.OLDEST_FIRST, desc: FileOrder.NEWEST_FIRST };

function toFile({ id, size, createTime, expireTime, name, purpose }: File) {
  return {
    id: fileIdOf(id),
    object: "file",
    bytes: Number(size),
    createdAt: Number(createTime?.seconds ?? 0n),
    filename: name,
    purpose: purpose || NO_PURPOSE,
    status: "processed",
    ...(expireTime && { expiresAt: Number(expireTime.seconds) }),
  };
}

function answerOf(file: File | undefined) {
  return file === undefined ? {} : { file: toFile(file) };
}
