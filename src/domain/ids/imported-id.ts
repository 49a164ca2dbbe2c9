// Ids of imported resources: maps ids of other systems to ours, always to the same one.
import { hash } from "node:crypto";
import { isOurId, newId } from "./id.ts";

/** What an id belongs to: a conversation, a message and a file of another system may have the same one. */
export type ExternalKind = "conversation" | "message" | "file";

/**
 * A UUID is kept. Another id is made into a UUIDv7 (RFC 9562) of the creation time and a digest of what it names, so
 * that lists keep the order of creation. Without an id it is a new one.
 */
export function importedId(tenantId: string, kind: ExternalKind, id: string, createTime: Date | undefined): string {
  if (isOurId(id)) return id.toLowerCase();
  if (id === "" || createTime === undefined) return newId();
  const bytes = hash("sha256", `${tenantId}\n${kind}\n${id}`, "buffer").subarray(0, 16);
  bytes.writeUIntBE(Math.max(createTime.getTime(), 0), 0, 6);
  bytes.writeUInt8(((bytes[6] ?? 0) & 0x0f) | 0x70, 6);
  bytes.writeUInt8(((bytes[8] ?? 0) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
