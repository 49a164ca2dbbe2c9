// Rows of files as files of the contract.
import { create } from "@bufbuild/protobuf";
import { type File, FileSchema } from "../../../gen/colloquy/v1/file_pb.ts";
import { toActor } from "../../domain/identity/actor.ts";
import type { FileRow } from "../../store/files/files.ts";
import { toTimestamp } from "../convert.ts";

export function toFile(row: FileRow): File {
  return create(FileSchema, {
    id: row.id,
    name: row.name,
    mediaType: row.media_type,
    size: row.size,
    sha256: row.sha256.toString("hex"),
    width: row.width ?? 0,
    height: row.height ?? 0,
    uploader: toActor(row.uploader),
    createTime: toTimestamp(row.create_time),
    purpose: row.purpose,
    ...(row.expire_time && { expireTime: toTimestamp(row.expire_time) }),
  });
}
