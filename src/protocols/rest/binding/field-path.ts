// Paths of fields within a message: found by name once, then read and written many times.
import { create, type DescField, type DescMessage, type Message } from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { fieldNamed } from "../../../codec/field-named.ts";

/** At least one field; all but the last are singular messages. */
export type FieldPath = readonly [DescField, ...DescField[]];

/** The deepest path that a request may name. */
export const MAX_PATH_DEPTH = 32;

type Fields = Record<string, unknown>;

/** Finds a path such as `a.b`, each name in either spelling. Undefined: there is none. */
export function findPath(desc: DescMessage, text: string): FieldPath | undefined {
  const names = text.split(".");
  if (names.length > MAX_PATH_DEPTH) return undefined;
  const path: DescField[] = [];
  let message: DescMessage | undefined = desc;
  for (const name of names) {
    const field: DescField | undefined = message && fieldNamed(message, name);
    if (field === undefined) return undefined;
    path.push(field);
    message = holdsFields(field) ? field.message : undefined;
  }
  return path as [DescField, ...DescField[]];
}

/** Whether a path may go on into a field. Well-known types are values with a spelling of their own: it may not. */
export function holdsFields(field: DescField): field is DescField & { fieldKind: "message" } {
  return field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.");
}

/** A path in the names of the contract. */
export function pathName(path: readonly DescField[]): string {
  return path.map((field) => field.name).join(".");
}

/** The value of a field as protobuf-es holds it; undefined while a field with presence is unset. */
export function getField(message: Message, field: DescField): unknown {
  if (field.oneof !== undefined) {
    const choice = (message as unknown as Fields)[field.oneof.localName] as { case?: string; value?: unknown };
    return choice.case === field.localName ? choice.value : undefined;
  }
  const value = (message as unknown as Fields)[field.localName];
  // Proto2 and editions keep default values on the prototype.
  return field.presence === 2 || Object.hasOwn(message, field.localName) ? value : undefined;
}

/** Sets a field, in its oneof if it has one. */
export function setField(message: Message, field: DescField, value: unknown): void {
  if (field.oneof === undefined) (message as unknown as Fields)[field.localName] = value;
  else (message as unknown as Fields)[field.oneof.localName] = { case: field.localName, value };
}

/** The value at a path; undefined where it or a message on the way is unset. */
export function getAt(message: Message, path: FieldPath): unknown {
  let value: unknown = message;
  for (const field of path) {
    if (value === undefined) return undefined;
    value = getField(value as Message, field);
  }
  return value;
}

/** The message that holds the last field of a path; messages on the way are made where they are missing. */
export function holderOf(message: Message, path: FieldPath): Message {
  let holder = message;
  for (let i = 0; i < path.length - 1; i++) {
    const field = path[i] as DescField & { fieldKind: "message" };
    let next = getField(holder, field) as Message | undefined;
    if (next === undefined) {
      next = create(field.message);
      setField(holder, field, next);
    }
    holder = next;
  }
  return holder;
}

/** Sets the value at a path. */
export function setAt(message: Message, path: FieldPath, value: unknown): void {
  setField(holderOf(message, path), path[path.length - 1] as DescField, value);
}

/** Whether protobuf-es holds a wrapper such as StringValue in this field as its bare value. */
export function isBareWrapper(field: DescField): boolean {
  return field.fieldKind === "message" && field.oneof === undefined && isWrapperDesc(field.message);
}
