// Content parts of messages and of tools' results, as JSON.
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { isFileId } from "../../../domain/files/named.ts";
import type { FilesInPlace } from "../files/in-place.ts";
import { fileIdOf } from "../ids.ts";
import { takeNotes } from "./file-notes.ts";
import { FORMATS } from "./item-types.ts";
import { type Members, membersOf, objectOf, textOf } from "./json-members.ts";
import type { AnnotationJson, FileJson, PartJson } from "./stored-parts.ts";

/**
 * Undefined: the part is no content.
 *
 * @param files those whose bytes are shown in place
 * @param edited whether the text was changed after it was sent
 */
export function contentText(
  part: PartJson,
  role: MessageRole,
  files: FilesInPlace,
  edited = false,
): string | undefined {
  if (part.text) {
    const { text = "", annotations = [] } = part.text;
    const cited = annotations.length === 0 ? undefined : `[${annotations.map(annotationText).join(",")}]`;
    return spoken(text, part.extraJson, role, edited, cited);
  }
  if (part.refusal)
    return withMembers(besideOf(part.extraJson), {
      type: '"refusal"',
      refusal: JSON.stringify(part.refusal.text ?? ""),
    });
  if (part.file) return fileText(part.file, part.extraJson, files, role !== MessageRole.TOOL);
  if (part.reasoning) return `{"type":"reasoning_text","text":${JSON.stringify(thoughts(part.reasoning))}}`;
  return part.opaque?.format === FORMATS.content ? part.opaque.json : undefined;
}

function besideOf(extraJson: string | undefined): Members {
  return membersOf(extraJson ?? "{}") ?? new Map();
}

/** A text alone: what an assistant says, or what it is told. */
export function plainContent(text: string, role: MessageRole): string {
  const json = JSON.stringify(text);
  return role === MessageRole.ASSISTANT
    ? `{"type":"output_text","text":${json},"annotations":[],"logprobs":[]}`
    : `{"type":"input_text","text":${json}}`;
}

/** What other APIs and agents say of a range of the text. */
function annotationText({ start, end, extraJson, url, file }: AnnotationJson): string {
  const range = {
    ...(start !== undefined && { start_index: String(start) }),
    ...(end !== undefined && { end_index: String(end) }),
  };
  if (url) {
    const page = { url: JSON.stringify(url.url ?? ""), title: JSON.stringify(url.title ?? "") };
    return withMembers(besideOf(extraJson), { type: '"url_citation"', ...range, ...page });
  }
  if (file === undefined) return extraJson ?? "{}";
  const named = {
    file_id: JSON.stringify(file.fileId ?? ""),
    filename: JSON.stringify(file.filename ?? ""),
    ...(file.containerId !== undefined && { container_id: JSON.stringify(file.containerId) }),
  };
  if (file.containerId !== undefined) {
    return withMembers(besideOf(extraJson), { type: '"container_file_citation"', ...range, ...named });
  }
  return withMembers(besideOf(extraJson), {
    type: '"file_citation"',
    ...named,
    index: String(file.index ?? start ?? 0),
  });
}

/** @param cited the annotations that the text has of its own, as JSON */
function spoken(
  text: string,
  extraJson: string | undefined,
  role: MessageRole,
  edited: boolean,
  cited: string | undefined,
): string {
  if (extraJson === undefined && cited === undefined) return plainContent(text, role);
  const rest = besideOf(extraJson);
  if (edited) {
    // They are about the old text.
    rest.delete("annotations");
    rest.delete("logprobs");
  }
  const implied = role === MessageRole.ASSISTANT ? "output_text" : "input_text";
  const type = textOf(rest.get("type")) ?? implied;
  if (!rest.has("type")) rest.set("type", JSON.stringify(type));
  rest.set("text", JSON.stringify(text));
  if (type === "output_text" && !rest.has("annotations")) rest.set("annotations", cited ?? "[]");
  return objectOf(rest);
}

function thoughts({ text, summary = [] }: NonNullable<PartJson["reasoning"]>): string {
  return text ?? summary.join("\n");
}

/** @param filled whether members that clients expect are filled in, as in a message */
function fileText(file: FileJson, extraJson: string | undefined, files: FilesInPlace, filled: boolean): string {
  const rest = besideOf(extraJson);
  const { head, isFileData, isContentUrl } = takeNotes(rest);
  const isImage = file.mediaType?.startsWith("image/") === true;
  const type = textOf(rest.get("type")) ?? (isImage ? "input_image" : "input_file");
  const isOurs = file.fileId !== undefined && isFileId(file.fileId);
  const inPlace = isContentUrl || (head !== undefined && (head !== "" || isFileData));
  const shown = isOurs && inPlace ? files.get(file.fileId.toLowerCase()) : undefined;
  const base64 = isContentUrl ? undefined : shown?.base64;
  const url = shown ? shownUrl(base64, shown.url, head ?? "") : urlOf(file, isFileData);
  const fileId = shown ? undefined : isOurs ? fileIdOf(file.fileId) : file.fileId;
  const isData = isFileData || file.data !== undefined || (shown !== undefined && !rest.has("type"));
  const byUrl = shown !== undefined && base64 === undefined;
  const urlIn = type === "input_file" ? (isData && !byUrl ? "file_data" : "file_url") : "image_url";
  return withMembers(rest, {
    type: JSON.stringify(type),
    ...(url !== undefined && { [urlIn]: url }),
    ...(fileId !== undefined && { file_id: JSON.stringify(fileId) }),
    ...(file.name !== undefined && type === "input_file" && { filename: JSON.stringify(file.name) }),
    ...(file.detail !== undefined && { detail: JSON.stringify(file.detail) }),
    ...(filled && type !== "input_file" && { detail: JSON.stringify(file.detail ?? "auto") }),
    ...(filled &&
      type === "computer_screenshot" && { file_id: JSON.stringify(fileId ?? null), [urlIn]: url ?? "null" }),
  });
}

/** As JSON: null of a file that is erased. Base64 needs no escapes. */
function shownUrl(base64: string | undefined, url: string | undefined, head: string): string {
  return base64 === undefined ? JSON.stringify(url ?? null) : `${JSON.stringify(head).slice(0, -1)}${base64}"`;
}

/** As JSON. @param bare whether bytes are shown without the head of a data URL, where none is known */
function urlOf({ url, data, mediaType }: FileJson, bare: boolean): string | undefined {
  if (url !== undefined) return JSON.stringify(url);
  if (data === undefined) return undefined;
  return bare ? JSON.stringify(data) : JSON.stringify(`data:${mediaType ?? "application/octet-stream"};base64,${data}`);
}

/** What stands beside a part, and of these members those that it does not have. */
function withMembers(rest: Members, members: Readonly<Record<string, string>>): string {
  for (const [name, json] of Object.entries(members)) if (!rest.has(name)) rest.set(name, json);
  return objectOf(rest);
}
