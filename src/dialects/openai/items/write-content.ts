// Content parts of messages and of tools' results, as JSON.
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { isFileId } from "../../../domain/files/named.ts";
import { fileIdOf } from "../ids.ts";
import { FORMATS } from "./item-types.ts";
import { membersOf, objectOf, textOf } from "./json-members.ts";
import type { AnnotationJson, FileJson, PartJson } from "./stored-parts.ts";

/** Undefined: the part is no content. @param edited whether the text was changed after it was sent */
export function contentText(part: PartJson, role: MessageRole, edited = false): string | undefined {
  if (part.text) {
    const { text = "", annotations = [] } = part.text;
    const cited = annotations.length === 0 ? undefined : `[${annotations.map(annotationText).join(",")}]`;
    return spoken(text, part.extraJson, role, edited, cited);
  }
  if (part.refusal)
    return withMembers(part.extraJson, { type: '"refusal"', refusal: JSON.stringify(part.refusal.text ?? "") });
  if (part.file) return fileText(part.file, part.extraJson);
  if (part.reasoning) return `{"type":"reasoning_text","text":${JSON.stringify(thoughts(part.reasoning))}}`;
  return part.opaque?.format === FORMATS.content ? part.opaque.json : undefined;
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
    return withMembers(extraJson, { type: '"url_citation"', ...range, ...page });
  }
  if (file === undefined) return extraJson ?? "{}";
  const named = {
    file_id: JSON.stringify(file.fileId ?? ""),
    filename: JSON.stringify(file.filename ?? ""),
    ...(file.containerId !== undefined && { container_id: JSON.stringify(file.containerId) }),
  };
  if (file.containerId !== undefined) {
    return withMembers(extraJson, { type: '"container_file_citation"', ...range, ...named });
  }
  return withMembers(extraJson, { type: '"file_citation"', ...named, index: String(file.index ?? start ?? 0) });
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
  const rest = membersOf(extraJson ?? "{}") ?? new Map<string, string>();
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

function fileText(file: FileJson, extraJson: string | undefined): string {
  const rest = membersOf(extraJson ?? "{}") ?? new Map<string, string>();
  const isImage = file.mediaType?.startsWith("image/") === true;
  const type = textOf(rest.get("type")) ?? (isImage ? "input_image" : "input_file");
  const url = file.url ?? (file.data && `data:${file.mediaType ?? "application/octet-stream"};base64,${file.data}`);
  const fileId = file.fileId !== undefined && isFileId(file.fileId) ? fileIdOf(file.fileId) : file.fileId;
  const urlIn = type === "input_file" ? "file_url" : "image_url";
  return withMembers(extraJson, {
    type: JSON.stringify(type),
    ...(url !== undefined && { [type === "input_file" && file.data ? "file_data" : urlIn]: JSON.stringify(url) }),
    ...(fileId !== undefined && { file_id: JSON.stringify(fileId) }),
    ...(file.name !== undefined && type === "input_file" && { filename: JSON.stringify(file.name) }),
    ...(file.detail !== undefined && { detail: JSON.stringify(file.detail) }),
    ...(type !== "input_file" && { detail: JSON.stringify(file.detail ?? "auto") }),
    ...(type === "computer_screenshot" && {
      file_id: JSON.stringify(fileId ?? null),
      [urlIn]: JSON.stringify(url ?? null),
    }),
  });
}

/** What stands beside a part, and of these members those that it does not have. */
function withMembers(extraJson: string | undefined, members: Readonly<Record<string, string>>): string {
  const all = membersOf(extraJson ?? "{}") ?? new Map<string, string>();
  for (const [name, json] of Object.entries(members)) if (!all.has(name)) all.set(name, json);
  return objectOf(all);
}
