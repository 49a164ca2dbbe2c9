// The part of a request that a turn keeps for its response.
import { derivedId } from "../ids.ts";
import { type Members, membersOf, objectOf, textOf } from "../items/json-members.ts";
import type { Fields, WantedResponse } from "./request.ts";
import { shownTools } from "./shown-tools.ts";

export interface ResponseNote {
  readonly model: string;
  /** Whether it was asked for in a conversation. */
  readonly inConversation: boolean;
  readonly store: boolean;
  readonly background: boolean;
  readonly fields: Fields;
}

/** The member of the note that says what it is. */
const OWN = "openai_response";

export function noteText(wanted: WantedResponse, model: string): string {
  const note: Members = new Map([
    ["model", JSON.stringify(model)],
    ["conversation", String(wanted.conversationId !== "")],
    ["store", String(wanted.store)],
    ["background", String(wanted.background)],
    ["fields", objectOf(shownFields(wanted.fields))],
  ]);
  return `{"${OWN}":${objectOf(note)}}`;
}

/** Undefined: the turn is no response. */
export function readNote(text: string): ResponseNote | undefined {
  const note = membersOf(membersOf(text || "{}")?.get(OWN) ?? "");
  if (note === undefined) return undefined;
  return {
    model: textOf(note.get("model")) ?? "",
    inConversation: note.get("conversation") === "true",
    store: note.get("store") === "true",
    background: note.get("background") === "true",
    // Notes of before a release that left credentials out have them.
    fields: shownFields(membersOf(note.get("fields") ?? "{}") ?? new Map()),
  };
}

function shownFields(fields: Fields): Fields {
  const tools = fields.get("tools");
  return tools === undefined ? fields : new Map(fields).set("tools", shownTools(tools));
}

/** `resp_…` */
export function responseIdOf(turnId: string): string {
  return derivedId("resp", turnId);
}
