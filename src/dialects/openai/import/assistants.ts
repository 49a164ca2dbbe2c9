// A dump of the Assistants API: threads and their messages.
import type { JsonObject } from "@bufbuild/protobuf";
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { readItem } from "../items/read-item.ts";
import { type ImportOptions, type Json, ownerOf, type RecordDraft, senderOf, textIn, timeOf } from "./drafts.ts";

export function threadRecord(thread: Json, options: ImportOptions): RecordDraft {
  const { owner = {}, participants = [] } = ownerOf(options);
  const createTime = timeOf(thread.created_at);
  if (createTime === undefined) throw invalidField("created_at", "must be a number of seconds", "required");
  const conversation = { id: textIn(thread, "id"), ...owner, createTime, metadata: metadataOf(thread) };
  return { kind: { case: "conversation", value: { conversation, participants } } };
}

export function threadMessageRecord(message: Json, options: ImportOptions): RecordDraft {
  const createTime = timeOf(message.created_at);
  if (createTime === undefined) throw invalidField("created_at", "must be a number of seconds", "required");
  const assistant = message.role === "assistant";
  const content = (Array.isArray(message.content) ? message.content : []).map((part: Json) =>
    contentOf(part, assistant),
  );
  const files = (Array.isArray(message.attachments) ? message.attachments : []).flatMap(({ file_id: file }: Json) =>
    typeof file === "string" ? [{ type: "input_file", file_id: file }] : [],
  );
  const item = { type: "message", role: assistant ? "assistant" : "user", content: [...content, ...files] };
  const read = readItem(JSON.stringify(item), "message");
  if (read.kind !== "item") throw invalidField("message", "must be a message", "type");
  const { assistant_id: agent, run_id: run } = message;
  const own = { ...(agent && { assistant_id: agent }), ...(run && { run_id: run }) };
  return {
    kind: {
      case: "message",
      value: {
        message: {
          ...read.message,
          ...senderOf(assistant ? MessageRole.ASSISTANT : MessageRole.USER, agent, options),
          conversationId: textIn(message, "thread_id"),
          id: textIn(message, "id"),
          clientId: textIn(message, "id"),
          createTime,
          metadata: { ...own, ...metadataOf(message) },
        },
      },
    },
  };
}

function metadataOf({ metadata }: Json): JsonObject {
  return typeof metadata === "object" && metadata !== null && !Array.isArray(metadata) ? metadata : {};
}

/** A content part in the words of items. */
function contentOf(part: Json, assistant: boolean): JsonObject {
  switch (part?.type) {
    case "text": {
      const text = typeof part.text === "string" ? part.text : (part.text?.value ?? "");
      const annotations = Array.isArray(part.text?.annotations) ? part.text.annotations : [];
      if (!assistant) return { type: "input_text", text, ...(annotations.length > 0 && { annotations }) };
      return { type: "output_text", text, annotations, ...(annotations.length === 0 && { logprobs: [] }) };
    }
    case "image_file":
      return { type: "input_image", file_id: part.image_file?.file_id, detail: part.image_file?.detail ?? "auto" };
    case "image_url":
      return { type: "input_image", image_url: part.image_url?.url, detail: part.image_url?.detail ?? "auto" };
    default:
      return part as JsonObject;
  }
}
