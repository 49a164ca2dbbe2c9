// What every statement that answers messages selects.
import type { JsonObject } from "@bufbuild/protobuf";
import type { MessageRole, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";

export interface MessageRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly seq: bigint;
  readonly role: MessageRole;
  readonly sender: string;
  readonly content: string;
  readonly metadata: JsonObject | null;
  readonly state: MessageState;
  readonly client_time: Date | null;
  readonly create_time: Date;
  readonly edit_time: Date | null;
  readonly delete_time: Date | null;
  readonly revision: number;
  readonly version: number;
}

/** The columns of message `m`. */
export const messageColumns = `
  m.id, m.conversation_id, m.seq, m.role, m.sender, m.content, m.metadata, m.state, m.client_time, m.create_time,
  m.edit_time, m.delete_time, m.revision, m.version`;
