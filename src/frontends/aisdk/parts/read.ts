// Parts of a UI message as parts of ours. Whatever of a part has no field here is kept beside it, and comes back with
// it.
import { create, type JsonObject, type JsonValue, type MessageInitShape } from "@bufbuild/protobuf";
import { type Part, PartSchema, PartState } from "../../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../../../domain/json.ts";
import type { UiPart } from "../request.ts";

type Draft = MessageInitShape<typeof PartSchema>;

/** Whose form the parts have that no other reads. */
export const FORMAT = "ai-sdk";

const MAX_NAME = 1024;
const STATES: ReadonlyMap<JsonValue | undefined, PartState> = new Map([
  ["streaming", PartState.STREAMING],
  ["done", PartState.COMPLETE],
]);

/**
 * The text of a message that is nothing but one plain text; undefined: it is more than that, or no `content` can hold
 * it.
 */
export function plainText(parts: readonly UiPart[]): string | undefined {
  const [part, ...more] = parts;
  if (part === undefined || more.length > 0 || part.type !== "text" || Object.keys(part).length > 2) return undefined;
  const { text } = part;
  if (typeof text !== "string" || text === "" || text.includes("\0") || !text.isWellFormed()) return undefined;
  return text;
}

export function fromUiParts(parts: readonly UiPart[]): Part[] {
  const ids = new Set<string>();
  return parts.map((part) => create(PartSchema, withUniqueId(fromUiPart(part), ids)));
}

/** A part whose own id is that of another keeps it beside: only its client reads it. */
function withUniqueId(draft: Draft, ids: Set<string>): Draft {
  const { id } = draft;
  if (id === undefined || id === "" || !ids.has(id)) {
    if (id) ids.add(id);
    return draft;
  }
  const { id: _, ...rest } = draft;
  return { ...rest, ...beside({ ...besideOf(draft.extraJson), id }) };
}

function fromUiPart(part: UiPart): Draft {
  const { type, ...fields } = part;
  switch (type) {
    case "text":
      return typeof fields.text === "string" ? textPart(fields, fields.text) : opaque(part);
    case "reasoning":
      return typeof fields.text === "string" ? reasoningPart(fields, fields.text) : opaque(part);
    case "file":
      return typeof fields.url === "string" ? filePart(fields, fields.url) : opaque(part);
    case "source-url":
      return typeof fields.url === "string" ? sourcePart(fields, fields.url) : opaque(part);
    case "step-start":
      return { ...beside(fields), content: { case: "step", value: {} } };
    default:
      return type.startsWith("data-") && isShort(type, MAX_NAME) ? dataPart(type.slice(5), fields) : opaque(part);
  }
}

function textPart({ text: _, state, ...rest }: JsonObject, text: string): Draft {
  const known = STATES.get(state);
  const extra = known === undefined && state !== undefined ? { ...rest, state } : rest;
  return { ...stateOf(known), ...beside(extra), content: { case: "text", value: { text } } };
}

function reasoningPart({ text: _, state, id, ...rest }: JsonObject, text: string): Draft {
  const known = STATES.get(state);
  const ownId = isShort(id, 128) && id !== "" ? { id } : {};
  const extra = {
    ...rest,
    ...(known === undefined && state !== undefined && { state }),
    ...(id !== undefined && !("id" in ownId) && { id }),
  };
  return { ...ownId, ...stateOf(known), ...beside(extra), content: { case: "reasoning", value: { text } } };
}

function filePart({ url: _, mediaType, filename, ...rest }: JsonObject, url: string): Draft {
  const value = {
    source: { case: "url" as const, value: url },
    ...(isShort(mediaType, MAX_NAME) && { mediaType }),
    ...(isShort(filename, MAX_NAME) && { name: filename }),
  };
  const extra = { ...rest, ...unless(value, "mediaType", mediaType), ...unless(value, "name", filename, "filename") };
  return { ...beside(extra), content: { case: "file", value } };
}

function sourcePart({ url: _, sourceId, title, ...rest }: JsonObject, url: string): Draft {
  const value = {
    origin: { case: "url" as const, value: url },
    ...(isShort(sourceId, MAX_NAME) && { sourceId }),
    ...(isShort(title, MAX_NAME) && { title }),
  };
  const extra = { ...rest, ...unless(value, "sourceId", sourceId), ...unless(value, "title", title) };
  return { ...beside(extra), content: { case: "source", value } };
}

function dataPart(name: string, { id, data, ...rest }: JsonObject): Draft {
  const value = {
    name,
    ...(isShort(id, MAX_NAME) && { dataId: id }),
    ...(data !== undefined && { json: JSON.stringify(data) }),
  };
  return { ...beside({ ...rest, ...unless(value, "dataId", id, "id") }), content: { case: "data", value } };
}

function opaque(part: UiPart): Draft {
  return { content: { case: "opaque", value: { format: FORMAT, json: JSON.stringify(part) } } };
}

function stateOf(state: PartState | undefined): { state?: PartState } {
  return state === undefined ? {} : { state };
}

/** Fields that have no place of their own, under a name that tells them from those of others. */
function beside(fields: JsonObject): { extraJson?: string } {
  return Object.keys(fields).length === 0 ? {} : { extraJson: JSON.stringify({ [FORMAT]: fields }) };
}

/** The fields that a client gave beside those that a part has. */
export function besideOf(extraJson: string | undefined): JsonObject {
  if (extraJson === undefined || !extraJson.includes(FORMAT)) return {};
  const fields = (parseJson(extraJson) as JsonObject)[FORMAT];
  return typeof fields === "object" && fields !== null && !Array.isArray(fields) ? fields : {};
}

function isShort(value: JsonValue | undefined, max: number): value is string {
  return typeof value === "string" && 3 * value.length <= max;
}

/** A field that was given but has not become the named one. */
function unless(taken: object, name: string, given: JsonValue | undefined, field = name): JsonObject {
  return given === undefined || name in taken ? {} : { [field]: given };
}
