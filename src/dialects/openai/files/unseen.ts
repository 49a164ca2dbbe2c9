// Tells of a file that the caller does not see where its request names it.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import { fileIdOf } from "../ids.ts";
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

const FIELD = /(?:^|\.)message(?:s\[(\d+)\])?\.parts\[(\d+)\](\.tool_result\.parts\.parts\[(\d+)\])?\.file\.file_id$/;
/** The members that name a file: our id, or the URL of its content. */
const NAMING = ["file_id", "image_url", "file_url"];

/** Throws the error, of an unseen file in the words of the request. */
export function throwUnseen(error: unknown, wanted: Wanted): never {
  const isReference = error instanceof DomainError && error.reason === ErrorReason.UNKNOWN_REFERENCE;
  const [, message = "0", part, isOutput, output = "0"] =
    (isReference && FIELD.exec(error.details.violations?.[0]?.field ?? "")) || [];
  const found =
    part === undefined
      ? undefined
      : find(wanted, Number(message), isOutput ? { output: Number(output) } : Number(part));
  if (found === undefined) throw error;
  const description = noFile(found.id);
  throw new DomainError(ErrorReason.NOT_FOUND, description, {
    violations: [{ field: found.place, description, rule: "found" }],
  });
}

/** @param part of the message, or of an output of a tool */
function find({ name, items, drafts }: Wanted, message: number, part: number | { readonly output: number }) {
  const stored = [...items.entries()].filter(
    ([, text]) => textOf(membersOf(text)?.get("type")) !== "compaction_trigger",
  );
  const [index, text] = stored[message] ?? [0, ""];
  const [first] = drafts[message]?.parts ?? [];
  const beside = first?.content?.case === "opaque" && first.content.value.format === FORMATS.message;
  const at = typeof part === "object" ? part.output : beside ? part - 1 : part;
  const list = typeof part === "object" ? "output" : "content";
  const json = membersOf(text)?.get(list) ?? "";
  const isOne = json.startsWith("{");
  const members = membersOf((isOne ? json : elementsOf(json)?.[at]) ?? "");
  const naming = NAMING.find((one) => textOf(members?.get(one)) !== undefined);
  if (naming === undefined) return undefined;
  return {
    id: fileIdIn(textOf(members?.get(naming)) ?? ""),
    place: `${name}[${index}].${list}${isOne ? "" : `[${at}]`}.${naming}`,
  };
}

/** An id as it was written, or that of the file whose content is at a URL. */
function fileIdIn(text: string): string {
  const id = /^https?:.*\/([^/]+)\/content$/.exec(text)?.[1];
  return id === undefined ? text : fileIdOf(id);
}
