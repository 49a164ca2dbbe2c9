// Reads entries of a log as the items of a model's history: a folded message with calls and results in it is the same
// as entries.
import type { JsonObject } from "@bufbuild/protobuf";
import { ActorType } from "../../../../gen/colloquy/v1/actor_pb.ts";
import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Part, type ToolPlace, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import { isImageResult, RESULT } from "../../../domain/files/image-result.ts";
import { actorText } from "../../../domain/identity/actor.ts";
import { parseJson } from "../../../domain/json.ts";
import { readParts } from "../../../domain/parts/stored.ts";
import { providerQuestion } from "../../../domain/turns/provider-consents.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";
import type { Content } from "./content.ts";
import { bytesOf } from "./files.ts";
import { contentIn, contentsIn, OPENAI_CONTENT, OPENAI_OUTPUTS } from "./openai-content.ts";

/** What is read of an entry. */
export type Entry = Pick<MessageRow, "role" | "content"> & Partial<Pick<MessageRow, "parts" | "sender">>;

export type SaidRole = "system" | "developer" | "user" | "assistant";

export interface Said {
  readonly kind: "said";
  readonly role: SaidRole;
  /** Which part of its reply the model takes it for, in OpenAI's words. */
  readonly phase?: string;
  /** Not empty. */
  readonly content: readonly Content[];
}

export interface Thought {
  readonly kind: "thought";
  /** Whether this agent thought it. */
  readonly own: boolean;
  readonly id: string;
  readonly text: string;
  readonly summary: readonly string[];
  readonly encrypted: string;
  readonly extra: JsonObject;
}

export interface Call {
  readonly kind: "call";
  readonly own: boolean;
  /** May be empty. */
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
  readonly type: ToolType;
  readonly place: ToolPlace | undefined;
  readonly extra: JsonObject;
}

export interface Result {
  readonly kind: "result";
  readonly callId: string;
  readonly content: readonly Content[];
  readonly isError: boolean;
  readonly extra: JsonObject;
}

/** Somebody refused a call. */
export interface Denial {
  readonly kind: "denial";
  readonly callId: string;
  readonly reason: string;
}

/** A provider's item, kept as it came. */
export interface Foreign {
  readonly kind: "foreign";
  /** Whose: `openai`, `anthropic`, … */
  readonly format: string;
  readonly item: JsonObject;
}

export type Item = Said | Thought | Call | Result | Denial | Foreign;

/** The sender of an agent's own entries. */
export function agentSender(id: string): string {
  return actorText({ type: ActorType.AGENT, id });
}

/** @param agent the sender of this agent's own entries; default: none is */
export function itemsOf(entries: readonly Entry[], agent?: string): Item[] {
  const items: Item[] = [];
  const callOf = new Map<string, string>();
  for (const entry of entries) {
    const role = ROLES[entry.role] ?? "user";
    const parts = readParts(entry.parts ?? null);
    if (parts.length === 0) {
      if (entry.content.trim() !== "") items.push({ kind: "said", role, content: [textOf(entry.content)] });
      continue;
    }
    const own = agent !== undefined && entry.sender === agent;
    const phase = role === "assistant" ? phaseIn(parts) : {};
    let content: Content[] = [];
    const flush = () => {
      if (content.length > 0) items.push({ kind: "said", role, content, ...phase });
      content = [];
    };
    for (const part of parts) {
      const said = isImageResult(part.extraJson)
        ? undefined
        : (contentOf(part, role) ?? (role === "user" ? dataSaid(part) : undefined));
      if (said !== undefined) {
        content.push(said);
        continue;
      }
      const item = itemOf(part, own, callOf);
      if (item === undefined) continue;
      flush();
      items.push(item);
    }
    flush();
  }
  return items;
}

const ROLES: { readonly [role in MessageRole]?: SaidRole } = {
  [MessageRole.ASSISTANT]: "assistant",
  [MessageRole.SYSTEM]: "system",
  [MessageRole.DEVELOPER]: "developer",
};

/** It stands beside the content of a message. */
function phaseIn(parts: readonly Part[]): Pick<Said, "phase"> {
  for (const { content } of parts) {
    if (content.case !== "opaque" || content.value.format !== "openai/message") continue;
    const { phase } = objectOf(content.value.json);
    if (typeof phase === "string") return { phase };
  }
  return {};
}

/** What is said in a part; undefined: it says nothing, or is an item of its own. */
function contentOf({ content, extraJson }: Part, role: SaidRole = "user"): Content | undefined {
  switch (content.case) {
    case "text":
    case "refusal":
      return content.value.text.trim() === "" ? undefined : { type: content.case, text: content.value.text };
    case "file":
      return { type: "file", file: content.value, ...(IMAGE.test(extraJson ?? "") && { isImage: true }) };
    case "opaque": {
      // The model knows what it said itself.
      if (content.value.format !== OPENAI_CONTENT || role === "assistant") return undefined;
      const json = objectOf(content.value.json);
      return contentIn(json, `(Content of the type ${String(json.type)}.)`);
    }
    default:
      return undefined;
  }
}

/** The type of an item's part, which stands beside it. */
const IMAGE = /"type":"(?:input_image|computer_screenshot)"/;

function itemOf(part: Part, own: boolean, callOf: Map<string, string>): Item | undefined {
  const { id = "", content, extraJson } = part;
  switch (content.case) {
    case "reasoning": {
      const { text = "", summary, encrypted = "" } = content.value;
      return { kind: "thought", own, id, text, summary, encrypted, extra: objectOf(extraJson) };
    }
    case "toolCall": {
      const { callId = "", name = "", type, runsAt: place } = content.value;
      const call = { callId, name, arguments: content.value.arguments ?? "", type: type || ToolType.FUNCTION, place };
      return { kind: "call", own, ...call, extra: objectOf(extraJson) };
    }
    case "toolResult": {
      const { callId = "", isError = false, output } = content.value;
      const extra = objectOf(extraJson);
      const isList = output.case === "json" && OPENAI_OUTPUTS.includes(String(extra.type));
      const list = isList ? contentsIn(output.value) : undefined;
      if (list !== undefined) return { kind: "result", callId, content: list, isError, extra };
      if (output.case !== "parts") {
        return { kind: "result", callId, content: [textOf(output.value ?? "")], isError, extra };
      }
      const parts = output.value.parts.flatMap((part) => outputOf(part) ?? []);
      return { kind: "result", callId, content: parts, isError, extra };
    }
    case "approvalRequest": {
      const { approvalId = "", callId } = content.value;
      if (callId !== undefined) callOf.set(approvalId, callId);
      if (providerQuestion(part) === undefined) return undefined;
      return { kind: "foreign", format: "openai", item: { ...objectOf(extraJson), id: approvalId } };
    }
    case "approvalResponse": {
      const { approvalId = "", granted = false, reason } = content.value;
      const callId = callOf.get(approvalId);
      if (callId !== undefined) return granted ? undefined : { kind: "denial", callId, reason: reason ?? "" };
      const answer = { approval_request_id: approvalId, approve: granted, ...(reason !== undefined && { reason }) };
      const item = { type: "mcp_approval_response", ...objectOf(extraJson), ...answer };
      return { kind: "foreign", format: "openai", item };
    }
    case "file": {
      const result = bytesOf(content.value)?.base64 ?? null;
      return { kind: "foreign", format: "openai", item: { ...objectOf(extraJson), [RESULT]: result } };
    }
    case "opaque": {
      const { format = "", json } = content.value;
      const item = objectOf(json);
      // What stands beside a message's content (`openai/item`) is no item.
      return typeof item.type === "string" && !format.includes("/") ? { kind: "foreign", format, item } : undefined;
    }
    default:
      return undefined;
  }
}

/** Data that a person sends, such as the fields of a form, is what it says; an agent's is for those who show it. */
function dataSaid({ content }: Part): Content | undefined {
  if (content.case !== "data" || content.value.json === undefined) return undefined;
  const { name = "", json } = content.value;
  return textOf(name === "" ? json : `${name}: ${json}`);
}

/** What a part of a tool's output says. */
function outputOf(part: Part): Content | undefined {
  const { content } = part;
  if (content.case !== "data" && content.case !== "opaque") return contentOf(part);
  const { json } = content.value;
  if (json === undefined) return undefined;
  return content.case === "opaque" && content.value.format === OPENAI_CONTENT
    ? contentIn(objectOf(json))
    : textOf(json);
}

export function textOf(text: string): Content {
  return { type: "text", text };
}

/** A JSON object; empty if the text is none. */
export function objectOf(json: string | undefined): JsonObject {
  if (json === undefined) return {};
  try {
    const value = parseJson(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
