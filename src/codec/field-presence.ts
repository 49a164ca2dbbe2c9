// Which fields of a message are written: those that are set, in the order of their numbers.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Edition } from "@bufbuild/protobuf/wkt";

/** When a field is not written. */
export interface Unset {
  /** A value that is not written. */
  readonly skip: unknown;
  /** More values that are not written. */
  readonly isEmpty: ((value: never) => boolean) | undefined;
}

/** `FeatureSet.FieldPresence.IMPLICIT`: no presence of its own. */
export const IMPLICIT = 2;
/** Equals no value. */
const NOTHING = Symbol("nothing");

export function fieldsInOrder(schema: DescMessage): readonly DescField[] {
  return schema.fields.toSorted((a, b) => a.number - b.number);
}

/**
 * Undefined for fields that are not told apart so simply: of a oneof, and fields with presence whose default lies
 * behind the unset value. With `alwaysEmitImplicit` fields without presence are always written.
 */
export function unsetOf(field: DescField, alwaysEmitImplicit = false): Unset | undefined {
  if (field.oneof !== undefined) return undefined;
  if (field.presence !== IMPLICIT) {
    const unsetIsUndefined = field.fieldKind === "message" || field.parent.file.edition === Edition.EDITION_PROTO3;
    return unsetIsUndefined ? { skip: undefined, isEmpty: undefined } : undefined;
  }
  return alwaysEmitImplicit
    ? { skip: NOTHING, isEmpty: undefined }
    : { skip: defaultOf(field), isEmpty: emptinessOf(field) };
}

/** Well-known types are written in forms of their own. */
export function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

function hasNoPairs(pairs: object): boolean {
  for (const _ in pairs) return false;
  return true;
}

/** Whether a map leads from texts to texts; others are left to the library. */
export function isTextMap(field: DescField & { fieldKind: "map" }): boolean {
  return field.mapKey === ScalarType.STRING && field.scalar === ScalarType.STRING;
}

function defaultOf(field: DescField): unknown {
  if (field.fieldKind === "enum") return field.enum.values[0]?.number;
  switch (field.fieldKind === "scalar" ? field.scalar : undefined) {
    case undefined:
    case ScalarType.BYTES:
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return NOTHING;
    case ScalarType.STRING:
      return "";
    case ScalarType.BOOL:
      return false;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 0n;
    default:
      return 0;
  }
}

function emptinessOf(field: DescField): Unset["isEmpty"] {
  if (field.fieldKind === "list") return (items: readonly unknown[]) => items.length === 0;
  if (field.fieldKind === "map") return hasNoPairs;
  switch (field.fieldKind === "scalar" ? field.scalar : undefined) {
    case ScalarType.BYTES:
      return (bytes: Uint8Array) => bytes.byteLength === 0;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // -0 is not a default.
      return (value: number) => Object.is(value, 0);
    default:
      return undefined;
  }
}
