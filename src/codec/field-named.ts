// The fields of a message by the names that a client may give them.
import type { DescField, DescMessage } from "@bufbuild/protobuf";

const byName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>();

/** A field of a message by its name in the contract or in JSON. The former wins where they collide. */
export function fieldNamed(schema: DescMessage, name: string): DescField | undefined {
  let names = byName.get(schema);
  if (names === undefined) {
    names = new Map([
      ...schema.fields.map((field) => [field.jsonName, field] as const),
      ...schema.fields.map((field) => [field.name, field] as const),
    ]);
    byName.set(schema, names);
  }
  return names.get(name);
}
