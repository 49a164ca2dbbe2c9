// Files, the messages that name them, and how much room they take.
import { defineEntity, p } from "@mikro-orm/core";

export const FileEntity = defineEntity({
  name: "File",
  tableName: "file",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** An actor. */
    uploader: p.text(),
    name: p.text(),
    mediaType: p.text(),
    size: p.bigint(),
    sha256: p.blob(),
    width: p.integer().nullable(),
    height: p.integer().nullable(),
    createTime: p.datetime(3),
    /** Empty: none was said. */
    purpose: p.text().default(""),
    /** Whether a message has named it. */
    named: p.boolean().default(false),
    /** In which an agent made it; null: somebody uploaded it. */
    conversationId: p.uuid().nullable(),
    /** From when on nobody sees it; null: it does not expire. */
    expireTime: p.datetime(3).nullable(),
    /** Since when nobody sees it, and its bytes are to be removed. */
    eraseTime: p.datetime(3).nullable(),
  },
});

/** A message that names a file. */
export const FileUseEntity = defineEntity({
  name: "FileUse",
  tableName: "file_use",
  properties: {
    tenantId: p.uuid().primary(),
    fileId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** The message's. */
    seq: p.bigint().primary(),
    createTime: p.datetime(3),
  },
});

export const FileUsageEntity = defineEntity({
  name: "FileUsage",
  tableName: "file_usage",
  properties: {
    tenantId: p.uuid().primary(),
    bytes: p.bigint(),
    files: p.bigint(),
  },
});

/** What has come so far of a file whose upload may go on later. */
export const UploadEntity = defineEntity({
  name: "Upload",
  tableName: "upload",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    actor: p.text(),
    name: p.text(),
    mediaType: p.text(),
    /** Empty: none was said. */
    purpose: p.text().default(""),
    /** How long the file is to be kept, in milliseconds; null: as long as a message names it. */
    ttl: p.bigint().nullable(),
    /** All that its client said with it, as it said it; null: nothing. */
    metadata: p.text().nullable(),
    length: p.bigint(),
    stored: p.bigint(),
    /** The keys of its bytes so far, and how many each holds. */
    pieceIds: p.array().columnType("uuid[]"),
    pieceSizes: p.array().columnType("bigint[]"),
    /** What it became. */
    fileId: p.uuid().nullable(),
    createTime: p.datetime(3),
  },
});
