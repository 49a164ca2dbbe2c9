// ChatGPT's own export, conversations.json: each conversation is a tree of messages, which becomes its branches.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { ConversationStatus } from "../../../../gen/colloquy/v1/conversation_pb.ts";
import { MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { type ExternalKind, importedId } from "../../../domain/ids/imported-id.ts";
import type { PartDraft } from "../items/drafts.ts";
import { pathsOf, type TreePath } from "./chatgpt-tree.ts";
import { type ImportOptions, type Json, ownerOf, type RecordDraft, senderOf, textIn, timeOf } from "./drafts.ts";

type Time = NonNullable<ReturnType<typeof timeOf>>;
/** The id under which a conversation or a message is imported, always the same one. */
type IdOf = (kind: ExternalKind, id: string, createTime: Time) => string;

const MAX_TITLE = 500;
const FORMAT = "chatgpt";

export function isChatGpt(value: Json): boolean {
  return typeof value?.mapping === "object" && value.mapping !== null;
}

export function* chatGptRecords(value: Json, options: ImportOptions): Generator<RecordDraft> {
  const given = typeof value.conversation_id === "string" ? value.conversation_id : textIn(value, "id");
  const { owner = {}, participants = [] } = ownerOf(options);
  const model = value.default_model_slug;
  const paths = pathsOf(value);
  const messages = paths.at(-1) ?? [];
  // Some conversations do not say when they began.
  const began = messages.map(([, message]) => timeOf(message.create_time)).find((time) => time !== undefined);
  const createTime = timeOf(value.create_time) ?? began ?? timeOf(value.update_time);
  if (createTime === undefined) throw invalidField("create_time", "must be a number of seconds", "required");
  // Branches are named by UUIDs. Programs other than ChatGPT that export this form have ids of other kinds.
  const idOf: IdOf = (kind, own, time) =>
    paths.length === 1 ? own : importedId(given, kind, own, timestampDate(time));
  const id = idOf("conversation", given, createTime);
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
  yield* entriesOf(paths, id, createTime, idOf, options);
}

/** The entries of all paths, each once; the first of a branch names the one that it follows. */
function* entriesOf(
  paths: readonly TreePath[],
  conversationId: string,
  createTime: Time,
  idOf: IdOf,
  options: ImportOptions,
): Generator<RecordDraft> {
  const there = new Map<string, string>();
  let last: string | undefined;
  for (const path of paths) {
    const reader = new ChatGptPath(conversationId, options);
    let time = createTime;
    let before: string | undefined;
    for (const [node, message] of path) {
      const own = timeOf(message.create_time);
      // Some have none, and some an earlier one than the message that they answer.
      if (own !== undefined && own.seconds >= time.seconds) time = own;
      const draft = reader.entryOf(message);
      if (draft === undefined) continue;
      const known = there.get(node);
      const id = known ?? idOf("message", node, time);
      if (known === undefined) {
        const parent = before === last ? {} : { parentId: before ?? conversationId };
        const entry = { ...draft, ...parent, conversationId, id, createTime: time };
        yield { kind: { case: "message", value: { message: entry } } };
        there.set(node, id);
        last = id;
      }
      before = id;
    }
  }
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
