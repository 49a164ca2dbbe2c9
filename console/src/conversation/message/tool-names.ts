// The names of the tools that the entries of the log call, for what refers to a call by its id.
import { createContext } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";

/** By the ids of the calls, and of the requests for approval of them. */
export type ToolNames = ReadonlyMap<string, string>;

export const ToolNamesContext = createContext<ToolNames>(new Map());

export function toolNamesOf(messages: readonly Pick<Message, "parts">[]): ToolNames {
  const names = new Map<string, string>();
  for (const { content } of messages.flatMap(({ parts }) => parts)) {
    if (content.case === "toolCall") {
      const { callId, title, name } = content.value;
      if (callId) names.set(callId, title || name || "");
    } else if (content.case === "approvalRequest") {
      const { approvalId, callId } = content.value;
      if (approvalId) names.set(approvalId, names.get(callId ?? "") ?? "");
    }
  }
  return names;
}
