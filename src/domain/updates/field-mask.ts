// Which fields an update changes (AIP-134).
import { type DescMessage, isFieldSet, type Message } from "@bufbuild/protobuf";
import { invalidField } from "../errors.ts";

/**
 * The fields to change, by their proto names. Without paths: those that are set. `*`: all that may be changed.
 * Throws INVALID_FIELD for a path that names no field that may be changed.
 */
export function fieldsToUpdate<Field extends string>(
  schema: DescMessage,
  value: Message | undefined,
  mask: readonly string[] | undefined,
  updatable: readonly Field[],
): Field[] {
  if (mask === undefined || mask.length === 0) {
    if (value === undefined) return [];
    return updatable.filter((name) => schema.fields.some((field) => field.name === name && isFieldSet(value, field)));
  }
  if (mask.includes("*")) {
    if (mask.length > 1) throw invalidField("update_mask", "`*` stands alone", "field_mask.in");
    return [...updatable];
  }
  const unknown = mask.find((path) => !updatable.includes(path as Field));
  if (unknown !== undefined) {
    const shown = unknown.slice(0, 100);
    throw invalidField("update_mask", `"${shown}" is not one of ${updatable.join(", ")}`, "field_mask.in");
  }
  return updatable.filter((name) => mask.includes(name));
}

/**
 * Throws INVALID_FIELD for an update that asks for nothing: it has neither a mask nor a field that is set. What its
 * sender meant was a default value such as false or "", which binary messages do not tell from nothing.
 */
export function refuseNothing(fields: readonly string[], mask: object | undefined): void {
  if (fields.length > 0 || mask !== undefined) return;
  const rule =
    "must name the fields to change: the request sets none, and without a mask a default value counts as unset";
  throw invalidField("update_mask", rule, "field_mask.required");
}
