// What a part of an entry says, for reading at a glance; its JSON has all of it.
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { agentText } from "../strings/agents.ts";
import { text } from "../strings/en.ts";

const words = text.conversation;

/** `toolOf`: the name of the tool of a call, or of a request for approval, by its id. Undefined: it is not known. */
export function partInWords({ content }: Part, toolOf: (id: string) => string | undefined): string {
  switch (content.case) {
    case "text":
      return content.value.text ?? "";
    case "reasoning":
      return [content.value.text, ...content.value.summary].filter(Boolean).join("\n");
    case "toolCall":
      return `${content.value.name ?? ""} ${content.value.arguments ?? ""}`;
    case "toolResult": {
      const { output, isError, callId = "" } = content.value;
      const said =
        output.case === "parts"
          ? output.value.parts.map((part) => partInWords(part, toolOf)).join("\n")
          : (output.value ?? "");
      const title = (isError ? words.resultFailed : words.result)(toolOf(callId) ?? "");
      return `${title}\n${said || agentText.turn.noOutput}`;
    }
    case "approvalRequest": {
      const { callId = "", reason = "" } = content.value;
      return words.approvalAsked(toolOf(callId) ?? "", reason);
    }
    case "approvalResponse": {
      const { approvalId = "", granted, reason = "" } = content.value;
      const tool = toolOf(approvalId) ?? "";
      return granted ? words.granted(tool) : words.denied(tool, reason);
    }
    case "refusal":
      return words.refusal(content.value.text ?? "");
    case "data":
      return `${words.data(content.value.name ?? "")}\n${content.value.json ?? ""}`;
    case "file":
      return [words.file, content.value.name].filter(Boolean).join(": ");
    case "source": {
      const { origin, title } = content.value;
      const name = title ?? (origin.case === "document" ? origin.value.filename : origin.value);
      return [words.source, name].filter(Boolean).join(": ");
    }
    default:
      return content.case ?? "";
  }
}
