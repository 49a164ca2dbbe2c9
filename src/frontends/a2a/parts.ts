// Converts A2A's parts of messages and artifacts to ours, and back.
import { create, fromJson, type JsonObject, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  MessageKind,
  MessageRole,
  type Message as OurMessage,
  type MessageSchema as OurMessageSchema,
} from "../../../gen/colloquy/v1/message_pb.ts";
import { type Part as OurPart, PartSchema as OurPartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Message, type Part, PartSchema } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { checkClientId } from "../shared/conversations.ts";

/** A client's message as one of ours. Throws INVALID_FIELD. */
export function readMessage({ messageId, parts, metadata }: Message): MessageInitShape<typeof OurMessageSchema> {
  checkClientId("message.message_id", messageId);
  if (parts.length === 0) throw invalidField("message.parts", "must not be empty", "parts.required");
  const isText = parts.every(({ content, metadata: own }) => content.case === "text" && own === undefined);
  const texts = parts.map(({ content }) => (content.case === "text" ? content.value : ""));
  return {
    role: MessageRole.USER,
    clientId: messageId,
    ...(metadata && Object.keys(metadata).length > 0 && { metadata }),
    ...(isText && parts.length === 1 ? { content: texts[0] ?? "" } : { parts: parts.map(toOurs) }),
  };
}

function toOurs({ content, filename, mediaType, metadata }: Part, at: number): OurPart {
  const extra =
    metadata && Object.keys(metadata).length > 0 ? { extraJson: JSON.stringify({ a2a: { metadata } }) } : {};
  const file = { ...(mediaType && { mediaType }), ...(filename && { name: filename }) };
  switch (content.case) {
    case "text":
      return create(OurPartSchema, { ...extra, content: { case: "text", value: { text: content.value } } });
    case "raw":
    case "url": {
      const source =
        content.case === "raw"
          ? ({ case: "data", value: content.value } as const)
          : ({ case: "url", value: content.value } as const);
      return create(OurPartSchema, { ...extra, content: { case: "file", value: { source, ...file } } });
    }
    case "data": {
      const json = JSON.stringify(toJson(ValueSchema, content.value));
      return create(OurPartSchema, { ...extra, content: { case: "data", value: { json } } });
    }
    default:
      throw invalidField(`message.parts[${at}]`, "must have text, raw, url or data", "part.content");
  }
}

/** The type of data parts that are parts of the log in the contract's JSON: what A2A has no form for. */
export const LOG_PART = "application/vnd.colloquy.part+json";

/** What an entry of a task adds to its artifact. `withAll`: also thoughts, calls, results, questions and answers. */
export function artifactParts(entry: OurMessage, withAll: boolean): Part[] {
  if (entry.kind === MessageKind.MESSAGE) return entry.role === MessageRole.ASSISTANT ? toParts(entry) : [];
  if (!withAll) return [];
  return entry.parts.map((part) => {
    const value = fromJson(ValueSchema, toJson(OurPartSchema, part));
    return create(PartSchema, { content: { case: "data", value }, mediaType: LOG_PART });
  });
}

/** What a message says, in A2A's parts; what it has no form for is left out. */
export function toParts({ content, parts }: { readonly content: string; readonly parts: readonly OurPart[] }): Part[] {
  if (parts.length === 0) return content === "" ? [] : [textPart(content)];
  return parts.flatMap((part) => fromOurs(part) ?? []);
}

export function fromOurs({ content, extraJson }: OurPart): Part | undefined {
  const metadata = metadataIn(extraJson);
  const own = metadata ? { metadata } : {};
  switch (content.case) {
    case "text":
      return create(PartSchema, { ...own, content: { case: "text", value: content.value.text } });
    case "refusal":
      return textPart(content.value.text);
    case "data":
      return create(PartSchema, { ...dataPart(content.value.json ?? "null"), ...own });
    case "file": {
      const { source, mediaType = "", name: filename = "" } = content.value;
      if (source.case === "data") {
        return create(PartSchema, { ...own, content: { case: "raw", value: source.value }, mediaType, filename });
      }
      if (source.case !== "url") return undefined;
      return create(PartSchema, { ...own, content: { case: "url", value: source.value }, mediaType, filename });
    }
    default:
      return undefined;
  }
}

export function textPart(text: string): Part {
  return create(PartSchema, { content: { case: "text", value: text } });
}

/** @param json JSON as text; what is none is a text */
export function dataPart(json: string): Part {
  return create(PartSchema, { content: { case: "data", value: fromJson(ValueSchema, parsed(json)) } });
}

/** The objects of data parts. */
export function objectsIn(parts: readonly Part[]): JsonObject[] {
  return parts.flatMap(({ content }) => {
    const value = content.case === "data" ? toJson(ValueSchema, content.value) : undefined;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : [];
  });
}

export function parsed(json: string): JsonValue {
  try {
    return JSON.parse(json) as JsonValue;
  } catch {
    return json;
  }
}

function metadataIn(extraJson: string | undefined): JsonObject | undefined {
  if (!extraJson?.includes('"a2a"')) return undefined;
  const extra = parsed(extraJson) as { a2a?: { metadata?: JsonObject } } | null;
  return extra?.a2a?.metadata;
}
