// Messages as clients send them: their content parts, and what stands beside them.
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { isFileId } from "../../../domain/files/named.ts";
import { bytesOfBase64 } from "../../shared/files/form.ts";
import { ourFileIdIn } from "../ids.ts";
import { requireMembers } from "./check-item.ts";
import { type MessageDraft, opaque, type PartDraft, restOf, takeText } from "./drafts.ts";
import { escapeNames, noteFileData } from "./file-notes.ts";
import { FORMATS, ROLES } from "./item-types.ts";
import { elementsOf, type Members, membersOf, textOf } from "./json-members.ts";

/** The most content parts of a message: one part is for what stands beside them. */
const MAX_CONTENT = 511;

/** A message of plain text alone has no parts, as if any other API had sent it. */
export function readMessageItem(members: Members, place: string): MessageDraft {
  requireMembers(members, { role: ["string"], content: ["string", "array"] }, place);
  const role = ROLES[textOf(members.get("role")) ?? ""];
  if (role === undefined) {
    throw invalidField(`${place}.role`, `must be one of ${Object.keys(ROLES).join(", ")}`, "string.in");
  }
  const content = members.get("content") ?? "";
  const assistant = members.get("role") === '"assistant"';
  for (const name of ["type", "role", "content"]) members.delete(name);
  if (members.get("status") === '"completed"') members.delete("status");
  const beside: PartDraft[] = members.size === 0 ? [] : [opaque(FORMATS.message, members)];
  const text = textOf(content);
  const parts = text === undefined ? contentParts(content, assistant, `${place}.content`) : [textPart(text, assistant)];
  const plain = beside.length === 0 && parts.length === 1 ? plainText(parts[0]) : undefined;
  const draft = { kind: MessageKind.MESSAGE, role };
  return plain === undefined ? { ...draft, parts: kept([...beside, ...parts]) } : { ...draft, content: plain };
}

/** A message without any parts would be one of an empty plain text. */
function kept(parts: PartDraft[]): PartDraft[] {
  return parts.length === 0 ? [opaque(FORMATS.message, new Map())] : parts;
}

/** What a message without parts can say. */
function plainText(part: PartDraft | undefined): string | undefined {
  if (part?.content?.case !== "text" || part.extraJson !== undefined) return undefined;
  const { text = "" } = part.content.value;
  return text.includes("\0") || Buffer.byteLength(text) > MAX_PLAIN_BYTES ? undefined : text;
}

const MAX_PLAIN_BYTES = 256 * 1024;

function textPart(text: string, assistant: boolean): PartDraft {
  if (text.isWellFormed()) return { content: { case: "text", value: { text } } };
  const type = assistant ? '"output_text"' : '"input_text"';
  const members: Members = new Map([
    ["type", type],
    ["text", JSON.stringify(text)],
  ]);
  if (assistant) members.set("annotations", "[]").set("logprobs", "[]");
  return opaque(FORMATS.content, members);
}

function contentParts(content: string, assistant: boolean, place: string): PartDraft[] {
  const elements = elementsOf(content) ?? [];
  if (elements.length > MAX_CONTENT) {
    throw invalidField(place, `must be at most ${MAX_CONTENT} parts`, "repeated.max_items");
  }
  return elements.map((element, index) => {
    const at = `${place}[${index}]`;
    const members = membersOf(element);
    if (members === undefined) throw invalidField(at, "must be an object", "json.type");
    requireMembers(members, { type: ["string"] }, at);
    return contentPart(members, assistant, at);
  });
}

export function contentPart(members: Members, assistant: boolean, at: string): PartDraft {
  const type = textOf(members.get("type")) ?? "";
  switch (type) {
    case "input_text":
    case "output_text":
    case "text":
    case "summary_text":
    case "reasoning_text": {
      requireMembers(members, { text: ["string"] }, at);
      const spoken = type === "input_text" || type === "output_text" || type === "text";
      const text = spoken ? takeText(members, "text") : undefined;
      if (text === undefined) return opaque(FORMATS.content, members);
      dropImplied(members, type, assistant);
      return { content: { case: "text", value: { text } }, ...restOf(members) };
    }
    case "refusal": {
      requireMembers(members, { refusal: ["string"] }, at);
      const text = takeText(members, "refusal");
      if (text === undefined) return opaque(FORMATS.content, members);
      members.delete("type");
      return { content: { case: "refusal", value: { text } }, ...restOf(members) };
    }
    case "input_image":
    case "computer_screenshot":
      return filePart(members, "image_url");
    case "input_file":
      return filePart(members, "file_url");
    default:
      return opaque(FORMATS.content, members);
  }
}

/** What a text part without anything beside it stands for, see `write-message.ts`. */
function dropImplied(members: Members, type: string, assistant: boolean): void {
  if (assistant) {
    const implied = members.size === 3 && members.get("annotations") === "[]" && members.get("logprobs") === "[]";
    if (type === "output_text" && implied) members.clear();
  } else if (type === "input_text") members.delete("type");
}

function filePart(members: Members, urlIn: string): PartDraft {
  const url = takeText(members, urlIn);
  const fileId = url === undefined ? takeFileId(members) : undefined;
  const fileData =
    url === undefined && fileId === undefined && urlIn === "file_url" ? takeFileData(members) : undefined;
  const name = takeText(members, "filename");
  const detail = takeText(members, "detail");
  // A field of a part holds its address or the id of a file.
  const source =
    url !== undefined
      ? ({ case: "url", value: url } as const)
      : fileId === undefined
        ? fileData
        : ({ case: "fileId", value: fileId } as const);
  const value = {
    ...(source && { source }),
    ...(name !== undefined && { name }),
    ...(detail !== undefined && { detail }),
  };
  escapeNames(members);
  if (fileData !== undefined) noteFileData(members);
  return { content: { case: "file", value }, ...restOf(members) };
}

/** Bytes as a data URL, which clients send there, or as base64 alone. */
function takeFileData(members: Members) {
  const text = textOf(members.get("file_data")) ?? "";
  const bytes = /^data:/i.test(text) ? undefined : bytesOfBase64(text);
  if (bytes === undefined && !(/^data:/i.test(text) && text.isWellFormed())) return undefined;
  members.delete("file_data");
  return bytes === undefined ? ({ case: "url", value: text } as const) : ({ case: "data", value: bytes } as const);
}

/** As it is here. One that is not written as `file-…` stays beside the part, to come back as it was. */
function takeFileId(members: Members): string | undefined {
  const written = members.get("file_id");
  const id = takeText(members, "file_id");
  if (id === undefined) return undefined;
  if (written !== undefined && isFileId(id)) members.set("file_id", written);
  return ourFileIdIn(id) ?? id;
}
