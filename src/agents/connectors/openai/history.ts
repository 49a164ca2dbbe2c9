// Converts a conversation to the form that every model server accepts, including strict chat templates.
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** User messages for templates that require one where there is none. */
const BEFORE = "(The conversation begins.)";
const AFTER = "(Please go on.)";

/**
 * One system message first, with the developers' text, then user and assistant alternating, a user first and last, none
 * of them empty. No text is dropped: neighbours of one role are joined with an empty line. Tool results become user
 * messages, because endpoints require the tool call that they belong to.
 */
export function historyOf(
  instructions: string,
  messages: readonly Pick<MessageRow, "role" | "content">[],
): ChatMessage[] {
  const system = instructions.trim() === "" ? [] : [instructions];
  const said: ChatMessage[] = [];
  for (const { role, content } of messages) {
    if (content.trim() === "") continue;
    if (role === MessageRole.SYSTEM || role === MessageRole.DEVELOPER) system.push(content);
    else add(said, role === MessageRole.ASSISTANT ? "assistant" : "user", content);
  }
  if (said[0]?.role === "assistant") said.unshift({ role: "user", content: BEFORE });
  if (said.at(-1)?.role !== "user") said.push({ role: "user", content: AFTER });
  return system.length === 0 ? said : [{ role: "system", content: system.join("\n\n") }, ...said];
}

function add(said: ChatMessage[], role: ChatMessage["role"], content: string): void {
  const last = said.at(-1);
  if (last?.role === role) last.content += `\n\n${content}`;
  else said.push({ role, content });
}
