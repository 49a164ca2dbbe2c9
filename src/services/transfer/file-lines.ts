// The files of an export as lines of JSON: each says a file, and a message that names it.
import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { FileSchema } from "../../../gen/colloquy/v1/file_pb.ts";
import { nameFault } from "../../domain/files/name.ts";
import { actorText } from "../../domain/identity/actor.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { FileUseRow } from "../../store/transfer/files.ts";
import { toDate } from "../convert.ts";
import { toFile } from "../files/convert.ts";

/** A line, without a line feed. */
export function toFileLine(use: FileUseRow): string {
  return JSON.stringify({
    conversationId: use.conversation_id,
    messageSeq: String(use.seq),
    useTime: use.use_time.toISOString(),
    file: toJson(FileSchema, toFile(use)),
  });
}

/** Reads what {@link toFileLine} wrote. A text says what is wrong. */
export function fromFileLine(line: string): FileUseRow | string {
  let value: Partial<Record<"conversationId" | "messageSeq" | "useTime" | "file", JsonValue>>;
  try {
    value = JSON.parse(line) ?? {};
  } catch {
    return "is no JSON";
  }
  try {
    const { conversationId = "", messageSeq = "", useTime = "" } = value;
    const file = fromJson(FileSchema, value.file ?? {});
    const { id, name, mediaType, size, width, height, uploader, purpose } = file;
    const createTime = file.createTime && toDate(file.createTime);
    const time = new Date(String(useTime));
    if (!isOurId(id)) return "file.id: must be a UUID";
    if (!isOurId(String(conversationId))) return "conversationId: must be a UUID";
    if (!/^[1-9]\d{0,17}$/.test(String(messageSeq))) return "messageSeq: must be the number of a message";
    if (Number.isNaN(time.valueOf())) return "useTime: must be a time";
    if (createTime === undefined) return "file.createTime: must be set";
    if (nameFault(name) !== undefined) return `file.name: ${nameFault(name)}`;
    // It becomes a header.
    if (!/^[!-~]+\/[ -~]+$/.test(mediaType) || mediaType.length > 255) return "file.mediaType: must be a media type";
    if (!/^[0-9a-f]{64}$/.test(file.sha256)) return "file.sha256: must be 64 hexadecimal digits";
    if ([...purpose].length > 64 || purpose.includes("\0"))
      return "file.purpose: must be at most 64 characters, without NUL";
    if (size < 0n || width < 0 || height < 0) return "file.size: must not be negative";
    return {
      id: id.toLowerCase(),
      uploader: uploader === undefined ? "system:command" : actorText(uploader),
      name,
      media_type: mediaType,
      size,
      sha256: Buffer.from(file.sha256, "hex"),
      width: width || null,
      height: height || null,
      create_time: createTime,
      purpose,
      expire_time: file.expireTime ? toDate(file.expireTime) : null,
      conversation_id: String(conversationId).toLowerCase(),
      seq: BigInt(String(messageSeq)),
      use_time: time,
    };
  } catch (error) {
    return `file: is not a file: ${(error as Error).message}`;
  }
}
