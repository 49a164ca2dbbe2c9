// Files that agents make: stored as they come, so that the log names them instead of holding their bytes.
import { createHash } from "node:crypto";
import { clone } from "@bufbuild/protobuf";
import { type FilePart, type Part, PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { nameFault } from "../../domain/files/name.ts";
import { newId } from "../../domain/ids/id.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import { describe, HEAD_BYTES } from "../../files/describe.ts";
import type { Queryable } from "../../store/database.ts";
import { insertFile } from "../../store/files/files.ts";
import { AgentFailure } from "./connector.ts";
import { bytesOf } from "./history/files.ts";

export interface MadeFilesOptions {
  readonly database: Queryable;
  readonly bytes: ByteStore;
  /** Maximum bytes of a file. */
  readonly maxBytes: number;
  /** Maximum bytes of the files of a tenant; undefined: no limit. */
  readonly quota: number | undefined;
}

/** Where a file is made, and by which agent. */
export interface MadeIn {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly agentId: string;
}

/** The most files that one entry names, as in the contract: what else there is stays in its part. */
const MAX_FILES = 20;

/**
 * The part with files in place of bytes, its own or those of a tool's result. Until an entry names a file, those see it
 * who see the conversation; one that none names in time is erased. Throws {@link AgentFailure} where it cannot be
 * stored.
 */
export async function withMadeFiles(part: Part, place: MadeIn, options: MadeFilesOptions): Promise<Part> {
  if (!holdsBytes(part)) return part;
  const changed = clone(PartSchema, part);
  let room = MAX_FILES;
  for (const file of filesOf(changed)) {
    if (!hasBytes(file) || room-- <= 0) continue;
    await store(file, place, options);
  }
  return changed;
}

function filesOf({ content }: Part): FilePart[] {
  if (content.case === "file") return [content.value];
  if (content.case !== "toolResult" || content.value.output.case !== "parts") return [];
  return content.value.output.value.parts.flatMap(filesOf);
}

function holdsBytes(part: Part): boolean {
  return filesOf(part).some(hasBytes);
}

function hasBytes({ source }: FilePart): boolean {
  return source.case === "data" ? source.value.length > 0 : source.case === "url" && /^data:/i.test(source.value);
}

async function store(file: FilePart, place: MadeIn, { database, bytes, maxBytes, quota }: MadeFilesOptions) {
  const { tenantId, conversationId, agentId } = place;
  const found = bytesOf(file);
  if (found === undefined) return;
  const data = Buffer.from(found.base64, "base64");
  if (data.length === 0) return;
  if (data.length > maxBytes) throw refused(`the agent sent a file of more than ${maxBytes} bytes`);
  const described = await describe(data.subarray(0, HEAD_BYTES), data.length <= HEAD_BYTES, found.mediaType);
  const id = newId();
  const writer = await bytes.create({ tenantId, id }).catch(unavailable);
  try {
    await writer.write(data);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    unavailable(error);
  }
  const name = file.name !== undefined && nameFault(file.name) === undefined ? file.name : "";
  const sha256 = createHash("sha256").update(data).digest();
  const made = { id, name, size: data.length, sha256, ...described, purpose: "", conversationId };
  const by = { tenantId, actor: `agent:${agentId}` };
  const row = await insertFile(database, by, { memberId: null, keyId: null }, made, quota);
  if (row === undefined) {
    // If they stay, the sweeper finds bytes that are no file's.
    await bytes.remove({ tenantId, id }).catch(() => {});
    throw refused(
      `there is no room for the agent's file: those of the tenant may take at most ${quota} bytes together`,
    );
  }
  file.source = { case: "fileId", value: id };
  file.mediaType = described.mediaType;
}

function refused(message: string): AgentFailure {
  return new AgentFailure(message, { health: "up" });
}

function unavailable(cause: unknown): never {
  throw new AgentFailure("a file that the agent sent could not be stored", { health: "up", cause });
}
