// The conversations that a call is about: those that its request names, otherwise those of its response.
import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Queryable } from "../../store/database.ts";
import { SUBJECTS } from "../subjects.ts";

/** Files are in several conversations: see `noteFileRead`. */
const ONE = SUBJECTS.filter(([field]) => field !== "fileId");

/** Undefined: the request names none. */
export async function conversationsAsked(
  on: Queryable,
  { input }: DescMethod,
  request: Message,
  context: CallContext,
): Promise<string[] | undefined> {
  const fields = request as unknown as Record<string, unknown>;
  const several = fields.conversationIds;
  if (Array.isArray(several)) return several.filter(isOurId);
  for (const [field, locate] of ONE) {
    const id = input.fields.some(({ localName }) => localName === field) ? fields[field] : "";
    if (typeof id !== "string" || id === "") continue;
    const found = isOurId(id) ? await locate(on, context, id, "") : undefined;
    return found === undefined ? [] : [found];
  }
  return undefined;
}

/** The conversations whose ids a response has, at any depth. */
export function conversationsShown(schema: DescMessage, response: object, found = new Set<string>()): Set<string> {
  const fields = response as Record<string, unknown>;
  for (const field of schema.fields) {
    const of =
      field.oneof === undefined ? undefined : (fields[field.oneof.localName] as { case?: string; value?: unknown });
    const value =
      field.oneof === undefined ? fields[field.localName] : of?.case === field.localName ? of.value : undefined;
    if (field.name === "conversation_id" && typeof value === "string") {
      if (isOurId(value)) found.add(value);
    } else if (field.message !== undefined && field.fieldKind === "list" && Array.isArray(value)) {
      for (const item of value) conversationsShown(field.message, item as object, found);
    } else if (
      field.message !== undefined &&
      field.fieldKind === "message" &&
      typeof value === "object" &&
      value !== null
    ) {
      conversationsShown(field.message, value, found);
    }
  }
  return found;
}

/** Whether a message of a stream holds anything but its cursor: a heartbeat does not. */
export function holdsAnything({ fields }: DescMessage, response: object): boolean {
  const values = response as Record<string, unknown>;
  return fields.some((field) => {
    if (field.oneof !== undefined)
      return (values[field.oneof.localName] as { case?: string } | undefined)?.case !== undefined;
    return field.message !== undefined && values[field.localName] !== undefined;
  });
}
