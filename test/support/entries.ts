// Entries of a log as connectors get them: messages, calls, results, reasoning.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { PartSchema, ToolType } from "../../gen/colloquy/v1/part_pb.ts";
import type { Entry } from "../../src/agents/connectors/history/items.ts";
import { partsText } from "../../src/domain/parts/stored.ts";
import { AGENT_ID } from "./services/upstream.ts";

type Draft = MessageInitShape<typeof PartSchema>;

const ME = `agent:${AGENT_ID}`;

export const user = (content: string): Entry => ({ role: MessageRole.USER, content });
export const system = (content: string): Entry => ({ role: MessageRole.SYSTEM, content });
export const developer = (content: string): Entry => ({ role: MessageRole.DEVELOPER, content });
export const assistant = (content: string): Entry => ({ role: MessageRole.ASSISTANT, content, sender: ME });

/** An entry with parts. */
export function entry(role: MessageRole, ...parts: Draft[]): Entry {
  return { role, content: "", parts: partsText(parts.map((part) => create(PartSchema, part))), sender: ME };
}

export function call(callId: string, name = "f", args = "{}", more: { extraJson?: string } = {}): Entry {
  const value = { callId, name, arguments: args, type: ToolType.FUNCTION };
  return entry(MessageRole.ASSISTANT, { ...more, content: { case: "toolCall", value } });
}

export function result(callId: string, text: string, isError = false): Entry {
  const value = { callId, output: { case: "text", value: text } as const, isError };
  return entry(MessageRole.TOOL, { content: { case: "toolResult", value } });
}

export function thought(
  text: string,
  extra: object,
  more: { encrypted?: string; summary?: string[]; id?: string } = {},
): Entry {
  const { id, ...fields } = more;
  const value = { ...(text !== "" && { text }), ...fields };
  return entry(MessageRole.ASSISTANT, {
    ...(id && { id }),
    extraJson: JSON.stringify(extra),
    content: { case: "reasoning", value },
  });
}

/** The same entries as another agent would have written them. */
export function byAnother(entries: readonly Entry[]): Entry[] {
  return entries.map((one) => ({ ...one, sender: "agent:another" }));
}
