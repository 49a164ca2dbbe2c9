// Where in a message a walk is: names of fields, indexes of lists, keys of maps. Written as text only where something is wrong there.

/** A key of a map stands in it as it is shown: `["key"]`. */
export type Place = (string | number)[];

/** Such as `conversation.participants[3].member_id`. */
export function textOf(place: Readonly<Place>): string {
  let text = "";
  for (const part of place) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" || part.startsWith("[") ? part : `.${part}`;
  }
  return text;
}
