// Records of an import as its sources are made into them.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ActorType } from "../../../../gen/colloquy/v1/actor_pb.ts";
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { RecordSchema } from "../../../../gen/colloquy/v1/record_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import type { FileToStore } from "../../shared/files/store-once.ts";

export type RecordDraft = MessageInitShape<typeof RecordSchema>;

/** What holds for all of an import. */
export interface ImportOptions {
  /** The member who owns the conversations and wrote what users said. Undefined: nobody. */
  readonly member: string | undefined;
  /** Stores what messages have in place as files. Default: it stays in its message. */
  readonly files?: ImportedFiles | undefined;
}

/** Takes the files of an import. */
export interface ImportedFiles {
  /** Told of each conversation before its messages. */
  conversation(id: string, createTime: Timestamp | undefined): void;
  /** Gives the id of the file. */
  store(message: FileHolder, file: FileToStore): Promise<string>;
}

/** The message that has a file in place, by the ids of its source. */
export interface FileHolder {
  readonly conversationId: string;
  readonly id: string;
  readonly createTime: Timestamp;
}

// biome-ignore lint/suspicious/noExplicitAny: what a file holds is looked at field by field
export type Json = any;

/** Seconds since 1970, with parts of one, as a time; undefined: it is none. */
export function timeOf(seconds: unknown): Timestamp | undefined {
  if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds < 0) return undefined;
  const ms = Math.round(seconds * 1000);
  const whole = Math.floor(ms / 1000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(whole), nanos: (ms - whole * 1000) * 1_000_000 };
}

/** Throws INVALID_FIELD unless it is a text. */
export function textIn(holder: Json, field: string): string {
  const value = holder[field];
  if (typeof value !== "string" || value === "") throw invalidField(field, "must be given as a text", "required");
  return value;
}

/** Who wrote an entry: users' are the member's, all others an agent's. Undefined: not known. */
export function senderOf(role: MessageRole, agent: unknown, { member }: ImportOptions) {
  if (role === MessageRole.USER) return member === undefined ? {} : { sender: { id: member } };
  const id = typeof agent === "string" && agent !== "" ? agent : "openai";
  return { sender: { type: ActorType.AGENT, id: id.slice(0, 100) } };
}

/** Who owns a conversation. */
export function ownerOf({ member }: ImportOptions) {
  return member === undefined ? {} : { owner: { ownerId: member }, participants: [{ memberId: member }] };
}
