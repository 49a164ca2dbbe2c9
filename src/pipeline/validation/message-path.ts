// The position of a walk in a message: names of fields, indexes of lists, keys of maps. Becomes text only for an error.
import type { DescMessage } from "@bufbuild/protobuf";

/** A name of free JSON, which may be any text. */
export interface FreeName {
  readonly name: string;
}

/** A key of a map stands in it as it is shown: `["key"]`. */
export type Place = (string | number | FreeName)[];

/** Of a name of free JSON, so many characters are shown; of a place in it, so many in all. */
const MAX_NAME = 64;
const MAX_TEXT = 400;

/**
 * Free JSON is looked into in the contract's own messages; other APIs name the field alone, as they have always done.
 */
export function shownPlace({ typeName }: DescMessage, place: Readonly<Place>): Readonly<Place> {
  const inner = typeName.startsWith("colloquy.v1.") ? -1 : place.findIndex((step) => typeof step === "object");
  return inner === -1 ? place : place.slice(0, inner);
}

function shownName({ name }: FreeName): string {
  if (name.length <= MAX_NAME && /^[A-Za-z_]\w*$/.test(name)) return `.${name}`;
  const text = name.toWellFormed().replace(/[^\P{C}\u0020]/gu, "?");
  return `[${JSON.stringify(text.length > MAX_NAME ? `${text.slice(0, MAX_NAME).toWellFormed()}…` : text)}]`;
}

/** Such as `conversation.participants[3].member_id`. */
export function textOf(place: Readonly<Place>): string {
  let text = "";
  for (const part of place) {
    if (text.length > MAX_TEXT) return `${text}…`;
    if (typeof part === "number") text += `[${part}]`;
    else if (typeof part === "object") text += shownName(part);
    else text += text === "" || part.startsWith("[") ? part : `.${part}`;
  }
  return text;
}
