// Parts of ours as parts of a UI message.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import {
  type DataPart,
  type FilePart,
  type Part,
  PartState,
  type SourcePart,
} from "../../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../../../domain/json.ts";
import type { UiPart } from "../request.ts";
import { besideOf, FORMAT } from "./read.ts";

const STATES: { readonly [state in PartState]?: string } = {
  [PartState.STREAMING]: "streaming",
  [PartState.COMPLETE]: "done",
};

/** The parts of a message that stands for itself. What a UI message has no part for is left out. */
export function toUiParts(parts: readonly Part[]): UiPart[] {
  return parts.flatMap((part) => toUiPart(part) ?? []);
}

function toUiPart({ id, state, extraJson, content }: Part): UiPart | undefined {
  const extra = besideOf(extraJson);
  const said = state === undefined ? undefined : STATES[state];
  const more = { ...extra, ...(said !== undefined && { state: said }) };
  switch (content.case) {
    case "text":
      return { type: "text", text: content.value.text, ...more };
    case "refusal":
      return { type: "text", text: content.value.text, ...more };
    case "reasoning": {
      const { text, summary } = content.value;
      return { type: "reasoning", ...(id !== undefined && { id }), text: text ?? summary.join("\n\n"), ...more };
    }
    case "file": {
      const file = toFile(content.value);
      return file && { ...file, ...extra };
    }
    case "source":
      return { ...toSource(content.value, content.value.sourceId ?? id ?? ""), ...extra };
    case "data":
      return { ...toData(content.value), ...extra };
    case "step":
      return { type: "step-start", ...extra };
    case "opaque":
      return content.value.format === FORMAT ? (jsonObject(content.value.json ?? "{}") as UiPart) : undefined;
    default:
      return undefined;
  }
}

/** Undefined: only its provider knows where it is. */
export function toFile({ source, mediaType, name }: FilePart): UiPart | undefined {
  const type = mediaType ?? "application/octet-stream";
  const filename = name === undefined ? {} : { filename: name };
  if (source.case === "url")
    return { type: "file", ...(mediaType !== undefined && { mediaType }), ...filename, url: source.value };
  if (source.case !== "data") return undefined;
  return {
    type: "file",
    mediaType: type,
    ...filename,
    url: `data:${type};base64,${Buffer.from(source.value).toString("base64")}`,
  };
}

export function toSource({ origin, title }: SourcePart, sourceId: string): UiPart {
  if (origin.case !== "document") {
    const url = origin.value ?? "";
    return { type: "source-url", sourceId, url, ...(title !== undefined && { title }) };
  }
  const { mediaType = "application/octet-stream", filename } = origin.value;
  const names = { title: title ?? filename ?? "", ...(filename !== undefined && { filename }) };
  return { type: "source-document", sourceId, mediaType, ...names };
}

export function toData({ name, dataId, json }: DataPart): UiPart {
  return {
    type: `data-${name ?? ""}`,
    ...(dataId !== undefined && { id: dataId }),
    ...(json !== undefined && { data: jsonOr(json) }),
  };
}

/**
 * What a text says as JSON; the text itself, if it is none. Without the names over which a client breaks off its
 * stream, because they could change its objects.
 */
export function jsonOr(text: string): JsonValue {
  try {
    const value = parseJson(text);
    return SUSPECT.test(text) ? harmless(value) : value;
  } catch {
    return text;
  }
}

/** An escape may be part of any name. */
const SUSPECT = /__proto__|constructor|\\u/;

function harmless(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(harmless);
  const members = Object.entries(value).filter(([name, member]) => {
    if (name !== "constructor") return name !== "__proto__";
    return typeof member !== "object" || member === null || !Object.hasOwn(member, "prototype");
  });
  return Object.fromEntries(members.map(([name, member]) => [name, harmless(member)]));
}

function jsonObject(text: string): JsonObject {
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
