// Items as clients send them, into entries of a conversation. Texts get fields of their own; all else stays JSON text.
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import { GIVEN_ID } from "../ids.ts";
import { requireMembers } from "./check-item.ts";
import { type MessageDraft, opaque, type PartDraft, restOf, takeText } from "./drafts.ts";
import { FORMATS, type ItemType, itemType } from "./item-types.ts";
import { elementsOf, type Members, membersOf, textOf } from "./json-members.ts";
import { readMessageItem } from "./read-message.ts";

/** What an item of a request is. */
export type ReadItem =
  /** An entry to add; `id` is the one that the client gave. */
  | { readonly kind: "item"; readonly id: string | undefined; readonly message: MessageDraft }
  /** Stands for a stored item. */
  | { readonly kind: "reference"; readonly id: string }
  /** An instruction to the model that is not stored. */
  | { readonly kind: "trigger" };

/**
 * Reads the JSON text of an item. Throws INVALID_FIELD for what breaks a rule; `place` is where it stands, such as
 * `items[1]`.
 */
export function readItem(text: string, place: string): ReadItem {
  const fault = jsonFault(text);
  if (fault !== undefined) throw invalidField(place, fault[1], fault[0]);
  const members = membersOf(text);
  if (members === undefined) throw invalidField(place, "must be an object", "json.type");
  const type = typeOf(members, place);
  const id = takeId(members, place);
  if (type === "item_reference") {
    if (id === undefined) throw invalidField(`${place}.id`, "must be given", "required");
    return { kind: "reference", id };
  }
  if (type === "compaction_trigger") return { kind: "trigger" };
  if (members.get("status") === "null") members.delete("status");
  if (type === "message") return { kind: "item", id, message: readMessageItem(members, place) };
  const known = itemType(type);
  requireMembers(members, known.required, place);
  // Providers look for their own ids of what they made, where it is given back to them.
  if (id !== undefined && isProviders(known)) members.set("id", JSON.stringify(id));
  return {
    kind: "item",
    id,
    message: { kind: known.kind, role: known.role, parts: [partOf(type, known, members, id)] },
  };
}

function typeOf(members: Members, place: string): string {
  const json = members.get("type");
  if (json === undefined && members.has("role")) return "message";
  if (json === undefined) throw invalidField(`${place}.type`, "must be given", "required");
  const type = textOf(json);
  if (type === undefined || type === "") throw invalidField(`${place}.type`, "must be a string", "json.type");
  return type;
}

/** A null id is none. */
function takeId(members: Members, place: string): string | undefined {
  const json = members.get("id");
  members.delete("id");
  if (json === undefined || json === "null") return undefined;
  const id = textOf(json);
  if (id === undefined) throw invalidField(`${place}.id`, "must be a string", "json.type");
  if (!GIVEN_ID.test(id))
    throw invalidField(`${place}.id`, "must be 1 to 128 of the characters A-Z, a-z, 0-9, _ and -", "id");
  return id;
}

/** Whether it is what a provider's tool did, or an item that no other reads. Reasoning has its id in its part. */
function isProviders({ kind, call }: ItemType): boolean {
  if (call !== undefined) return call.type === ToolType.BUILT_IN || call.type === ToolType.MCP;
  return kind === MessageKind.ITEM || kind === MessageKind.SUMMARY;
}

function partOf(type: string, known: ItemType, members: Members, id: string | undefined): PartDraft {
  if (known.call !== undefined) return callPart(type, known.call, members);
  switch (known.kind) {
    case MessageKind.TOOL_RESULT:
      return resultPart(type, known, members, id);
    case MessageKind.REASONING:
      return { ...(id !== undefined && { id }), ...reasoningPart(members) };
    case MessageKind.APPROVAL_REQUEST:
      // Its id is the question's: an answer names it.
      return {
        content: { case: "approvalRequest", value: id === undefined ? {} : { approvalId: id } },
        ...restOf(members),
      };
    case MessageKind.APPROVAL_RESPONSE:
      return approvalPart(members);
    default:
      return opaque(FORMATS.item, members);
  }
}

function callPart(
  type: string,
  { type: toolType, runsAt, argumentsIn }: NonNullable<ItemType["call"]>,
  members: Members,
) {
  const callId = takeText(members, "call_id");
  const name = takeText(members, "name");
  const given = argumentsIn && takeText(members, argumentsIn);
  // What the entry says is not said twice.
  if (type === "function_call" || type === "custom_tool_call") members.delete("type");
  if (type === "function_call" && members.get("status") === '"completed"') members.delete("status");
  const value = {
    ...(callId !== undefined && { callId }),
    ...(name !== undefined && { name }),
    ...(given !== undefined && { arguments: given }),
    type: toolType,
    runsAt,
  };
  return { content: { case: "toolCall", value }, ...restOf(members) } satisfies PartDraft;
}

function resultPart(type: string, { idIsCalls }: ItemType, members: Members, id: string | undefined): PartDraft {
  const callId = idIsCalls ? (textOf(members.get("call_id")) ?? id) : takeText(members, "call_id");
  if (idIsCalls && id !== undefined) members.set("id", JSON.stringify(id));
  const text = takeText(members, "output");
  const json = text === undefined ? takeStructure(members, "output") : undefined;
  if (type === "function_call_output") {
    // Of a structure it says that it is content of this API.
    if (text !== undefined) members.delete("type");
    if (members.get("status") === '"completed"') members.delete("status");
  }
  const value = {
    ...(callId !== undefined && { callId }),
    ...(text !== undefined && { output: { case: "text", value: text } as const }),
    ...(json !== undefined && { output: { case: "json", value: json } as const }),
  };
  return { content: { case: "toolResult", value }, ...restOf(members) };
}

function reasoningPart(members: Members): PartDraft {
  members.delete("type");
  const summary = takeTexts(members, "summary", "summary_text");
  const content = members.get("content") === undefined ? undefined : takeTexts(members, "content", "reasoning_text", 1);
  const encrypted = takeText(members, "encrypted_content");
  const value = {
    ...(summary !== undefined && { summary }),
    ...(content !== undefined && { text: content[0] ?? "" }),
    ...(encrypted !== undefined && { encrypted }),
  };
  return { content: { case: "reasoning", value }, ...restOf(members) };
}

function approvalPart(members: Members): PartDraft {
  members.delete("type");
  const approvalId = takeText(members, "approval_request_id");
  const reason = takeText(members, "reason");
  const granted = members.get("approve") === "true";
  members.delete("approve");
  const value = { ...(approvalId !== undefined && { approvalId }), ...(reason !== undefined && { reason }), granted };
  return { content: { case: "approvalResponse", value }, ...restOf(members) };
}

function takeStructure(members: Members, name: string): string | undefined {
  const json = members.get(name);
  if (json === undefined || json === "null") return undefined;
  members.delete(name);
  return json;
}

/** The texts of a list of `{type, text}`, if nothing else is in it. */
function takeTexts(members: Members, name: string, type: string, count?: number): string[] | undefined {
  const elements = elementsOf(members.get(name) ?? "");
  if (elements === undefined || (count !== undefined && elements.length !== count)) return undefined;
  const texts: string[] = [];
  for (const element of elements) {
    const inner = membersOf(element);
    const text = textOf(inner?.get("text"));
    if (inner?.size !== 2 || textOf(inner.get("type")) !== type || !text?.isWellFormed()) return undefined;
    texts.push(text);
  }
  members.delete(name);
  return texts;
}
