// Tells of a file that the caller does not see where its request names it.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import type { MessageDraft } from "../items/drafts.ts";
import { FORMATS } from "../items/item-types.ts";
import { elementsOf, membersOf, textOf } from "../items/json-members.ts";
import { noFile } from "./errors.ts";

/** What a request wanted stored. */
interface Wanted {
  /** The name of the field that has the items. */
  readonly name: string;
  /** The items, as JSON. */
  readonly items: readonly string[];
  /** What was made of them. */
  readonly drafts: readonly MessageDraft[];
}

const FIELD = /(?:^|\.)message(?:s\[(\d+)\])?\.parts\[(\d+)\]\.file\.file_id$/;

/** Throws the error, of an unseen file in the words of the request. */
export function throwUnseen(error: unknown, wanted: Wanted): never {
  const isReference = error instanceof DomainError && error.reason === ErrorReason.UNKNOWN_REFERENCE;
  const [, message = "0", part] = (isReference && FIELD.exec(error.details.violations?.[0]?.field ?? "")) || [];
  const found = part === undefined ? undefined : find(wanted, Number(message), Number(part));
  if (found === undefined) throw error;
  const description = noFile(found.id);
  throw new DomainError(ErrorReason.NOT_FOUND, description, {
    violations: [{ field: found.place, description, rule: "found" }],
  });
}

function find({ name, items, drafts }: Wanted, message: number, part: number) {
  const stored = [...items.entries()].filter(
    ([, text]) => textOf(membersOf(text)?.get("type")) !== "compaction_trigger",
  );
  const [index, text] = stored[message] ?? [0, ""];
  const [first] = drafts[message]?.parts ?? [];
  const beside = first?.content?.case === "opaque" && first.content.value.format === FORMATS.message;
  const at = beside ? part - 1 : part;
  const content = elementsOf(membersOf(text)?.get("content") ?? "")?.[at];
  const id = textOf(membersOf(content ?? "")?.get("file_id"));
  return id === undefined ? undefined : { id, place: `${name}[${index}].content[${at}].file_id` };
}
