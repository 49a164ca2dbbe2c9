// ChatGPT's own export, conversations.json: each conversation is a tree of messages, of which the live path is imported.

import { ConversationStatus } from "../../../../gen/colloquy/v1/conversation_pb.ts";
import { MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import type { PartDraft } from "../items/drafts.ts";
import { type ImportOptions, type Json, ownerOf, type RecordDraft, senderOf, textIn, timeOf } from "./drafts.ts";

const MAX_TITLE = 500;
const FORMAT = "chatgpt";

export function isChatGpt(value: Json): boolean {
  return typeof value?.mapping === "object" && value.mapping !== null;
}

export function* chatGptRecords(value: Json, options: ImportOptions): Generator<RecordDraft> {
  const id = typeof value.conversation_id === "string" ? value.conversation_id : textIn(value, "id");
  const { owner = {}, participants = [] } = ownerOf(options);
  const model = value.default_model_slug;
  const messages = livePath(value);
  // Some conversations do not say when they began.
  const began = messages.map(([, message]) => timeOf(message.create_time)).find((time) => time !== undefined);
  const createTime = timeOf(value.create_time) ?? began ?? timeOf(value.update_time);
  if (createTime === undefined) throw invalidField("create_time", "must be a number of seconds", "required");
  yield {
    kind: {
      case: "conversation",
      value: {
        conversation: {
          id,
          ...owner,
          createTime,
          title: [...String(value.title ?? "")].slice(0, MAX_TITLE).join(""),
          status: value.is_archived === true ? ConversationStatus.ARCHIVED : ConversationStatus.ACTIVE,
          pinned: value.is_starred === true,
          metadata: { source: FORMAT, ...(typeof model === "string" && { model }) },
        },
        participants,
      },
    },
  };
  const path = new ChatGptPath(id, options);
  let time = createTime;
  for (const [node, message] of messages) {
    const own = timeOf(message.create_time);
    // Some have none, and some an earlier one than the message that they answer.
    if (own !== undefined && own.seconds >= time.seconds) time = own;
    const draft = path.entryOf(message);
    if (draft === undefined) continue;
    yield {
      kind: { case: "message", value: { message: { ...draft, conversationId: id, id: node, createTime: time } } },
    };
  }
}

/** From the first message to the one that is shown last, each with the id of its node. */
function livePath({ mapping, current_node: last }: Json): [node: string, message: Json][] {
  const path: [string, Json][] = [];
  const seen = new Set<string>();
  let at: unknown = typeof last === "string" && Object.hasOwn(mapping, last) ? last : lastLeaf(mapping);
  while (typeof at === "string" && Object.hasOwn(mapping, at)) {
    if (seen.has(at)) throw invalidField("mapping", "must be a tree, and has a circle", "mapping.tree");
    seen.add(at);
    const { message, parent } = mapping[at] ?? {};
    if (typeof message === "object" && message !== null) path.push([at, message]);
    at = parent;
  }
  return path.reverse();
}

/** Older exports do not say which path is live: the one with the latest message is. */
function lastLeaf(mapping: Json): string | undefined {
  let latest: [time: number, node: string] | undefined;
  for (const [node, entry] of Object.entries<Json>(mapping)) {
    const { message, children } = entry ?? {};
    const time = typeof message?.create_time === "number" ? message.create_time : 0;
    if (!children?.length && (latest === undefined || time >= latest[0])) latest = [time, node];
  }
  return latest?.[1];
}

const ROLES: Readonly<Record<string, MessageRole>> = {
  user: MessageRole.USER,
  assistant: MessageRole.ASSISTANT,
  system: MessageRole.SYSTEM,
  tool: MessageRole.TOOL,
};

/** Makes the messages of a path into entries, in their order: results of tools belong to the call before them. */
class ChatGptPath {
  readonly #conversation: string;
  readonly #options: ImportOptions;
  #lastCall = "";

  constructor(conversation: string, options: ImportOptions) {
    this.#conversation = conversation;
    this.#options = options;
  }

  /** Undefined: it holds nothing. */
  entryOf(message: Json) {
    const { metadata } = message;
    // Exports leave these out, or null, where there is nothing to say.
    const content = message.content ?? {};
    const recipient = message.recipient ?? "all";
    const role = ROLES[String(message.author?.role)] ?? MessageRole.SYSTEM;
    const from = senderOf(role, metadata?.model_slug, this.#options);
    const model = typeof metadata?.model_slug === "string" ? { metadata: { model: metadata.model_slug } } : {};
    const entry = (kind: MessageKind, parts: PartDraft[]) => ({ kind, role, parts, ...from, ...model });
    const { content_type: type } = content;
    if (metadata?.is_visually_hidden_from_conversation === true || type === "user_editable_context") {
      return isEmpty(content) ? undefined : entry(MessageKind.ITEM, [opaque(content)]);
    }
    if (type === "thoughts" && Array.isArray(content.thoughts)) {
      const summary = content.thoughts.map((thought: Json) =>
        [thought?.summary, thought?.content].filter(Boolean).join("\n"),
      );
      return entry(MessageKind.REASONING, [
        { content: { case: "reasoning", value: { summary: summary.map(wellFormed) } } },
      ]);
    }
    if (type === "reasoning_recap") return entry(MessageKind.ITEM, [opaque(content)]);
    if (role === MessageRole.ASSISTANT && (recipient !== "all" || type === "code")) {
      this.#lastCall = String(message.id ?? `${this.#conversation} call`);
      const name = recipient === "all" ? "code" : String(recipient);
      const value = { callId: this.#lastCall, name, arguments: wellFormed(textOf(content)) };
      return entry(MessageKind.TOOL_CALL, [{ content: { case: "toolCall", value } }]);
    }
    const parts = partsOf(content);
    if (role === MessageRole.TOOL) {
      const plain = parts.every(({ content: part }) => part?.case === "text");
      const output = plain
        ? ({ case: "text", value: wellFormed(textOf(content)) } as const)
        : ({ case: "parts", value: { parts } } as const);
      const value = { ...(this.#lastCall !== "" && { callId: this.#lastCall }), output };
      return entry(MessageKind.TOOL_RESULT, [{ content: { case: "toolResult", value } }]);
    }
    if (isEmpty(content)) return undefined;
    const [only] = parts;
    if (parts.length === 1 && only?.content?.case === "text") {
      const text = only.content.value.text ?? "";
      if (!text.includes("\0") && Buffer.byteLength(text) <= MAX_PLAIN_BYTES) {
        return { kind: MessageKind.MESSAGE, role, content: text, ...from, ...model };
      }
    }
    return entry(MessageKind.MESSAGE, parts);
  }
}

const MAX_PLAIN_BYTES = 256 * 1024;

function isEmpty(content: Json): boolean {
  const { parts, text, result } = content;
  if (Array.isArray(parts)) return parts.every((part) => part === "" || part === null);
  const own = Object.keys(content).filter((name) => name !== "content_type" && name !== "language");
  return own.length === 0 || (own.every((name) => ["text", "result"].includes(name)) && !text && !result);
}

/** All the text of a content. */
function textOf(content: Json): string {
  if (typeof content.text === "string") return content.text;
  if (typeof content.result === "string") return content.result;
  if (!Array.isArray(content.parts)) return JSON.stringify(content);
  return content.parts.map((part: Json) => (typeof part === "string" ? part : (part?.text ?? ""))).join("\n");
}

function partsOf(content: Json): PartDraft[] {
  if (Array.isArray(content.parts)) return content.parts.flatMap(partOf);
  const text = typeof content.text === "string" ? content.text : content.result;
  return typeof text === "string" ? [textPart(text)] : [opaque(content)];
}

function partOf(part: Json): PartDraft[] {
  if (typeof part === "string") return [textPart(part)];
  if (typeof part !== "object" || part === null) return [];
  const pointer = /^[a-z-]+:\/\/(.+)$/.exec(String(part.asset_pointer ?? ""))?.[1];
  if (part.content_type === "image_asset_pointer" && pointer !== undefined) {
    const value = { source: { case: "fileId", value: pointer } as const, mediaType: "image/*" };
    return [{ content: { case: "file", value }, extraJson: JSON.stringify(part) }];
  }
  if (part.content_type === "audio_transcription" && typeof part.text === "string") return [textPart(part.text)];
  return [opaque(part)];
}

function textPart(text: string): PartDraft {
  return { content: { case: "text", value: { text: wellFormed(text) } } };
}

function opaque(json: Json): PartDraft {
  return { content: { case: "opaque", value: { format: FORMAT, json: JSON.stringify(json) } } };
}

function wellFormed(text: string): string {
  return text.toWellFormed();
}
