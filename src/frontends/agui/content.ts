// Converts AG-UI's content of messages and tool results to our parts, and back.
import { create, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import {
  type FilePart,
  FilePartSchema,
  type Part,
  PartSchema,
  type ToolResultPart,
} from "../../../gen/colloquy/v1/part_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { Content as PostedContent, ContentPart as PostedPart } from "./input.ts";
import { type Content, type ContentPart, MEDIA, type Medium, type Source } from "./protocol.ts";

/** What only AG-UI says of a part: in the part's `extra_json`, under this name. */
const OWN = "agui";

interface Own {
  readonly type?: Medium;
  readonly provider?: string;
  readonly metadata?: unknown;
}

type Held = NonNullable<MessageInitShape<typeof PartSchema>["content"]>;

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Throws INVALID_FIELD. `field` names the content, such as `messages[2].content`. */
export function toParts(content: readonly PostedPart[], field: string): Part[] {
  return content.map((part, at) => toPart(part, `${field}[${at}]`));
}

/** The text of a content; of its parts, the texts one below the other. */
export function textOf(content: PostedContent): string {
  if (typeof content === "string") return content;
  return (content ?? []).flatMap(({ type, text }) => (type === "text" && text ? [text] : [])).join("\n");
}

function toPart(part: PostedPart, field: string): Part {
  const id = typeof part.id === "string" && part.id !== "" && part.id.length <= 128 ? part.id : undefined;
  const { metadata } = part;
  if (part.type === "text") {
    return make({ case: "text", value: { text: part.text ?? "" } }, id, { ...(metadata != null && { metadata }) });
  }
  const medium = part.type === "binary" ? undefined : MEDIA.find((one) => one === part.type);
  if (medium === undefined && part.type !== "binary") {
    throw invalidField(`${field}.type`, `must be text, ${MEDIA.join(", ")}`, "content.type");
  }
  const source = sourceOf(part);
  if (source === undefined)
    throw invalidField(`${field}.source`, "must be of type data, url or file", "content.source");
  if (source.type === "data" && !BASE64.test(source.value)) {
    throw invalidField(`${field}.source.value`, "must be base64", "content.base64");
  }
  const file = create(FilePartSchema, {
    source:
      source.type === "data"
        ? { case: "data", value: Buffer.from(source.value, "base64") }
        : { case: source.type === "url" ? "url" : "fileId", value: source.value },
    ...(source.mimeType && { mediaType: source.mimeType }),
    ...(typeof part.filename === "string" && { name: part.filename }),
  });
  return make({ case: "file", value: file }, id, {
    ...(medium !== undefined && medium !== mediumOf(file) && { type: medium }),
    ...(source.provider && { provider: source.provider }),
    ...(metadata != null && { metadata }),
  });
}

interface PostedSource {
  readonly type: string;
  readonly value: string;
  readonly mimeType?: string | undefined;
  readonly provider?: string | undefined;
}

/** Also of `binary`, the form of AG-UI before 1.0. */
function sourceOf(part: PostedPart): PostedSource | undefined {
  if (part.type !== "binary") {
    const { type, value, mimeType, provider } = part.source ?? { type: "", value: "" };
    if (!["data", "url", "file"].includes(type)) return undefined;
    return { type, value, mimeType: mimeType ?? undefined, provider: provider ?? undefined };
  }
  const mimeType = typeof part.mimeType === "string" ? part.mimeType : undefined;
  if (typeof part.data === "string") return { type: "data", value: part.data, mimeType };
  if (typeof part.url === "string") return { type: "url", value: part.url, mimeType };
  return typeof part.id === "string" ? { type: "file", value: part.id, mimeType } : undefined;
}

function make(content: Held, id: string | undefined, own: Own): Part {
  const extra = Object.keys(own).length > 0 ? { extraJson: JSON.stringify({ [OWN]: own }) } : {};
  return create(PartSchema, { content, ...(id !== undefined && { id }), ...extra });
}

/** A file's medium, by its media type. */
function mediumOf({ mediaType = "" }: FilePart): Medium {
  return MEDIA.find((medium) => mediaType.startsWith(`${medium}/`)) ?? "document";
}

/** Parts as AG-UI has them; those that it has no form for are left out. */
export function fromParts(parts: readonly Part[]): ContentPart[] {
  return parts.flatMap((part): ContentPart[] => {
    const { type, provider, metadata } = ownOf(part);
    const rest = { ...(part.id && { id: part.id }), ...(metadata !== undefined && { metadata }) };
    switch (part.content.case) {
      case "text":
        return [{ type: "text", text: part.content.value.text, ...rest }];
      case "file": {
        const source = toSource(part.content.value, provider);
        return source === undefined ? [] : [{ type: type ?? mediumOf(part.content.value), source, ...rest }];
      }
      default:
        return [];
    }
  });
}

function toSource({ source, mediaType }: FilePart, provider: string | undefined): Source | undefined {
  const typed = mediaType ? { mimeType: mediaType } : {};
  switch (source.case) {
    case "data": {
      const value = Buffer.from(source.value).toString("base64");
      return { type: "data", value, mimeType: mediaType ?? "application/octet-stream" };
    }
    case "url":
      return { type: "url", value: source.value, ...typed };
    case "fileId":
      return { type: "file", value: source.value, ...typed, ...(provider && { provider }) };
    default:
      return undefined;
  }
}

function ownOf({ extraJson }: Part): Own {
  if (!extraJson?.includes(`"${OWN}"`)) return {};
  try {
    return ((JSON.parse(extraJson) as Record<string, unknown>)[OWN] ?? {}) as Own;
  } catch {
    return {};
  }
}

/** What a tool gave back. */
export function resultContent({ output }: ToolResultPart): Content {
  switch (output.case) {
    case "text":
    case "json":
      return output.value;
    case "parts": {
      const parts = fromParts(output.value.parts);
      // What AG-UI has no form for is not lost.
      if (parts.length === output.value.parts.length) return parts;
      return JSON.stringify(output.value.parts.map((part) => toJson(PartSchema, part)));
    }
    default:
      return "";
  }
}
