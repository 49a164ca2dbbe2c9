// Entries of a conversation as items: those that items made come back equal, others become the item that they are.
import { type Message, MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { IMAGE_RESULT, isImageResult, RESULT } from "../../../domain/files/image-result.ts";
import { type FilesInPlace, NO_FILES } from "../files/in-place.ts";
import { FORMATS, type ItemType, itemType, UNKNOWN_TYPE } from "./item-types.ts";
import { ItemWriter, statusOf, type WrittenItem } from "./item-writer.ts";
import { membersOf, textOf } from "./json-members.ts";
import { type FileJson, type PartJson, storedParts } from "./stored-parts.ts";
import { contentText } from "./write-content.ts";
import { writeMessage } from "./write-message.ts";

/** @param files those whose bytes are shown in place; default: none are */
export function writeItem(message: Message, files: FilesInPlace = NO_FILES): WrittenItem {
  const parts = storedParts(message);
  const [first] = parts;
  if (isMessage(message, first)) return writeMessage(message, parts, files);
  if (first?.file && isImageResult(first.extraJson)) return writeImage(message, first, first.file, files);
  if (first?.toolCall) return writeCall(message, first, first.toolCall);
  if (first?.toolResult) return writeResult(message, first, first.toolResult, files);
  if (first?.reasoning) return writeReasoning(message, first, first.reasoning);
  if (first?.approvalRequest) return writeRequest(message, first, first.approvalRequest);
  if (first?.approvalResponse) return writeResponse(message, first, first.approvalResponse);
  return writeOpaque(message, first);
}

/** Also what has nothing but text for people, whatever kind of entry it is. */
function isMessage({ kind }: Message, first: PartJson | undefined): boolean {
  return kind === MessageKind.MESSAGE || first === undefined || first.text !== undefined;
}

/** A picture that a provider's tool made: in base64, by the URL of its content, or null where it is erased. */
function writeImage(message: Message, part: PartJson, file: FileJson, files: FilesInPlace): WrittenItem {
  const members = membersOf(part.extraJson ?? "{}") ?? new Map<string, string>();
  const { base64, url = null } = files.get(file.fileId?.toLowerCase() ?? "") ?? {};
  const item = new ItemWriter(message, itemType(IMAGE_RESULT).prefix, members, textOf(members.get("id")));
  item.add("type", JSON.stringify(IMAGE_RESULT));
  item.add(RESULT, base64 === undefined ? JSON.stringify(url) : `"${base64}"`);
  return item.done();
}

function writeOpaque(message: Message, first: PartJson | undefined): WrittenItem {
  const { format = "", json = "{}" } = first?.opaque ?? {};
  const members = format === FORMATS.item ? membersOf(json) : undefined;
  if (members === undefined) {
    const item = begin(message, UNKNOWN_TYPE, { type: JSON.stringify(format || "unknown") });
    item.add("json", first?.opaque ? json : "null");
    return item.done();
  }
  const type = itemType(textOf(members.get("type")) ?? "");
  const item = new ItemWriter(message, type.prefix, members, textOf(members.get("id")));
  return fill(message, type, item, first);
}

/** Begins an item of a part: its type and all else that stands beside the part come first, and what is there stays. */
function begin(
  message: Message,
  type: ItemType,
  extra: { extraJson?: string | undefined; type: string },
  made?: string,
): ItemWriter {
  const rest = membersOf(extra.extraJson ?? "{}") ?? new Map<string, string>();
  const item = new ItemWriter(message, type.prefix, rest, made);
  item.add("type", extra.type);
  return item;
}

function typed(message: Message, { extraJson, id }: PartJson, implied: string): { type: ItemType; item: ItemWriter } {
  const written = extraJson?.includes('"type"') ? textOf(membersOf(extraJson)?.get("type")) : undefined;
  const name = written ?? implied;
  const type = itemType(name);
  return {
    type,
    item: begin(message, type, { extraJson, type: JSON.stringify(name) }, name === "reasoning" ? id : undefined),
  };
}

const CALLS: Readonly<Record<string, string>> = {
  TOOL_TYPE_CUSTOM: "custom_tool_call",
};

function writeCall(message: Message, part: PartJson, call: NonNullable<PartJson["toolCall"]>): WrittenItem {
  const { type, item } = typed(message, part, CALLS[call.type ?? ""] ?? "function_call");
  // Clients look for it, also where another API wrote the call without one.
  if (call.callId !== undefined || type.required.call_id) item.text("call_id", call.callId ?? message.id);
  if (call.name !== undefined) item.text("name", call.name);
  const argumentsIn = type.call?.argumentsIn;
  if (argumentsIn !== undefined) item.text(argumentsIn, call.arguments ?? "");
  else if (call.arguments !== undefined) item.text("arguments", call.arguments);
  return fill(message, type, item, part);
}

function writeResult(
  message: Message,
  part: PartJson,
  result: NonNullable<PartJson["toolResult"]>,
  files: FilesInPlace,
): WrittenItem {
  const { type, item } = typed(message, part, "function_call_output");
  if (result.callId !== undefined && !type.idIsCalls) item.text("call_id", result.callId);
  if (result.text !== undefined) item.text("output", result.text);
  else if (result.json !== undefined) {
    // What other APIs wrote is no list of content, which is all that clients take there beside text.
    if (part.extraJson === undefined) item.text("output", result.json);
    else item.add("output", result.json);
  } else if (result.parts !== undefined) {
    const contents = (result.parts.parts ?? []).flatMap((one) => contentText(one, MessageRole.TOOL, files) ?? []);
    const isAlone = type.required.output?.includes("object") && contents.length === 1;
    item.add("output", isAlone ? (contents[0] ?? "") : `[${contents.join(",")}]`);
  } else if (type.required.output !== undefined) item.text("output", "");
  return fill(message, type, item, part);
}

function writeReasoning(message: Message, part: PartJson, thought: NonNullable<PartJson["reasoning"]>): WrittenItem {
  const { type, item } = typed(message, part, "reasoning");
  const texts = (kind: string, all: readonly string[]) =>
    `[${all.map((text) => `{"type":"${kind}","text":${JSON.stringify(text)}}`).join(",")}]`;
  item.add("summary", texts("summary_text", thought.summary ?? []));
  if (thought.text !== undefined) item.add("content", texts("reasoning_text", [thought.text]));
  if (thought.encrypted !== undefined) item.text("encrypted_content", thought.encrypted);
  // Thoughts have a status where they are not whole.
  const status = statusOf(message, [part]);
  if (status === "incomplete") item.text("status", status);
  return fill(message, type, item, part);
}

function writeRequest(
  message: Message,
  part: PartJson,
  { callId }: NonNullable<PartJson["approvalRequest"]>,
): WrittenItem {
  const { type, item } = typed(message, part, "mcp_approval_request");
  if (callId !== undefined) item.text("call_id", callId);
  for (const name of ["server_label", "name", "arguments"]) item.text(name, "");
  return fill(message, type, item, part);
}

function writeResponse(
  message: Message,
  part: PartJson,
  { approvalId = "", granted = false, reason }: NonNullable<PartJson["approvalResponse"]>,
): WrittenItem {
  const { type, item } = typed(message, part, "mcp_approval_response");
  item.text("approval_request_id", approvalId);
  item.add("approve", String(granted));
  if (reason !== undefined) item.text("reason", reason);
  return fill(message, type, item, part);
}

/** What clients expect of every item of the type. */
function fill(message: Message, { filled = {} }: ItemType, item: ItemWriter, part: PartJson | undefined): WrittenItem {
  for (const [name, json] of Object.entries(filled)) {
    item.add(name, name === "status" ? `"${statusOf(message, part ? [part] : [])}"` : json);
  }
  return item.done();
}
