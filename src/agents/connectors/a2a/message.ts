// What an A2A agent is told: what people have said since it spoke last, in the context that it knows the conversation
// by.
import type { Message, Part } from "@a2a-js/sdk";
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Part as OurPart } from "../../../../gen/colloquy/v1/part_pb.ts";
import { readParts } from "../../../domain/parts/stored.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";
import { agentSender } from "../history/items.ts";
import { asJson } from "./parts.ts";

/** The form of the opaque item that keeps the agent's own ids in the conversation. */
export const CONTEXT = "a2a.context";

/** By what ids an agent knows a conversation. */
export interface KnownContext {
  readonly contextId: string;
  /** The task that waits for what is said next. Undefined: none does. */
  readonly taskId?: string | undefined;
}

export interface Told {
  readonly parts: Part[];
  readonly context: KnownContext | undefined;
}

/** @param origin where the agent is: the ids of another one's say nothing here */
export function toldTo(agentId: string, origin: string, messages: readonly MessageRow[]): Told {
  const sender = agentSender(agentId);
  const at = messages.findLastIndex((row) => row.sender === sender);
  const context = messages
    .filter((row) => row.sender === sender)
    .flatMap(({ parts }) => contextIn(parts, origin))
    .at(-1);
  const said = messages.slice(at + 1).filter(({ kind, role }) => kind === null && role === MessageRole.USER);
  // An agent that comes to a conversation later is told the last message alone.
  const news = at < 0 || said.length === 0 ? messages.filter(({ kind }) => kind === null).slice(-1) : said;
  return { parts: news.flatMap(partsOf), context };
}

function contextIn(parts: string | null, origin: string): KnownContext[] {
  if (!parts?.includes(CONTEXT)) return [];
  return readParts(parts).flatMap(({ content }) => {
    if (content.case !== "opaque" || content.value.format !== CONTEXT) return [];
    // An import may have put anything there.
    const held = asJson(content.value.json ?? "") as Partial<KnownContext & { readonly origin: string }> | null;
    if (typeof held?.contextId !== "string") return [];
    return held.origin === origin ? [{ contextId: held.contextId, taskId: held.taskId }] : [];
  });
}

export function contextJson({ contextId, taskId }: KnownContext, origin: string): string {
  return JSON.stringify({ origin, contextId, ...(taskId !== undefined && { taskId }) });
}

function partsOf({ content, parts }: MessageRow): Part[] {
  const own = readParts(parts).flatMap((part) => toA2a(part) ?? []);
  return own.length > 0 || content === "" ? own : [textPart(content)];
}

function toA2a({ content }: OurPart): Part | undefined {
  switch (content.case) {
    case "text":
      return textPart(content.value.text);
    case "data":
      return { ...EMPTY, content: { $case: "data", value: asJson(content.value.json ?? "null") } };
    case "file": {
      const { source, mediaType = "", name: filename = "" } = content.value;
      if (source.case === "url") {
        return { ...EMPTY, content: { $case: "url", value: source.value }, mediaType, filename };
      }
      if (source.case !== "data") return undefined;
      return { ...EMPTY, content: { $case: "raw", value: Buffer.from(source.value) }, mediaType, filename };
    }
    default:
      return undefined;
  }
}

const EMPTY = { metadata: undefined, filename: "", mediaType: "" };

function textPart(value: string): Part {
  return { ...EMPTY, content: { $case: "text", value }, mediaType: "text/plain" };
}

/** A message of a user. The same id is the same message, so that an agent answers a retry once. */
export function messageOf(
  messageId: string,
  parts: Part[],
  { contextId = "", taskId = "" }: Partial<KnownContext>,
): Message {
  // 1: ROLE_USER.
  const role = 1 as Message["role"];
  return { messageId, contextId, taskId, role, parts, metadata: undefined, extensions: [], referenceTaskIds: [] };
}
