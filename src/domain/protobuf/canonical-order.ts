// Sorts maps and Structs, so that equal messages have equal bytes.
import type { DescField, DescMessage, JsonValue, Message } from "@bufbuild/protobuf";

type Fields = Record<string, unknown>;
type MessageField = DescField & { readonly message: DescMessage };

/** Sorts the members of every map and Struct in a message by name, at any depth, in place. */
export function sortMaps(schema: DescMessage, message: Message): void {
  for (const field of schema.fields) {
    if (field.message === undefined && field.fieldKind !== "map") continue;
    const place = placeOf(field, message as unknown as Fields);
    if (place?.fields[place.name] !== undefined) place.fields[place.name] = sortField(field, place.fields[place.name]);
  }
}

function sortField(field: DescField, value: unknown): unknown {
  const sort = (item: unknown) => (field.message === undefined ? item : sortValue(field as MessageField, item));
  switch (field.fieldKind) {
    case "list":
      return (value as readonly unknown[]).map(sort);
    case "map":
      return sorted(value as Fields, sort);
    default:
      return sort(value);
  }
}

function sortValue({ message: schema, parent }: MessageField, value: unknown): unknown {
  // In a field, a Struct is the JSON that it stands for.
  if (schema.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value") {
    return sortJson(value as JsonValue);
  }
  // A wrapper such as StringValue comes unwrapped.
  if (typeof value === "object") sortMaps(schema, value as Message);
  return value;
}

function sortJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map(sortJson) : sorted(value as Fields, sortJson);
}

function sorted(members: Fields, sort: (value: unknown) => unknown): Fields {
  // By code unit, which is the same everywhere.
  const names = Object.keys(members).sort();
  return Object.fromEntries(names.map((name) => [name, sort(members[name])]));
}

/** Where a field's value lies: in the message, or in its oneof. Undefined: the oneof holds another. */
function placeOf(field: DescField, message: Fields): { fields: Fields; name: string } | undefined {
  if (field.oneof === undefined) return { fields: message, name: field.localName };
  const choice = message[field.oneof.localName] as Fields;
  return choice.case === field.localName ? { fields: choice, name: "value" } : undefined;
}
