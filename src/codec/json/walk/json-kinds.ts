// The expected kind of each value in a JSON body, by the fields of its message, and its size limit.
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { scalarInWords } from "../../../domain/type-words.ts";
import { maxItems, textLimit } from "../../../pipeline/validation/item-limits.ts";
import { WRONG_TYPE } from "../../shape-fault.ts";

/**
 * Maximum number of characters of a value that is written as a string, where no rule says otherwise: a time, a mask, an
 * enum, a number.
 */
const MAX_TEXT_VALUE = 64 * 1024;

export type Kind =
  | { readonly kind: "message"; readonly schema: DescMessage }
  | ListKind
  | { readonly kind: "map"; readonly item: Kind; readonly max: number }
  | { readonly kind: "bare"; readonly list: ListKind }
  | { readonly kind: "text"; readonly max: number; readonly rule: string; readonly words: string }
  | { readonly kind: "json" }
  | { readonly kind: "free" }
  | { readonly kind: "unknown" };

export interface ListKind {
  readonly kind: "list";
  readonly field: DescField;
  readonly item: Kind;
  readonly max: number;
}

export const UNKNOWN: Kind = { kind: "unknown" };
/** What free JSON holds. */
export const FREE: Kind = { kind: "free" };

/** The list within a field that JSON writes as that bare list; undefined: the field is not written so. */
export type BareListOf = (field: DescField) => (DescField & { fieldKind: "list" }) | undefined;

export interface ShapeOptions {
  /** Whether names that are not fields are skipped. */
  readonly ignoreUnknownFields: boolean;
  /** Names in the outermost object that are skipped, whatever they hold. Default: none. */
  readonly skipped?: ReadonlySet<string>;
  /**
   * Whether a number that is too large for a double is refused here. Default: false, the reader sees that it is
   * infinite.
   */
  readonly finite?: boolean;
  /** Default: no field is written as a bare list. */
  readonly bareListOf?: BareListOf;
}

/** The kinds of fields, each made once. */
export class Kinds {
  readonly #bareListOf: BareListOf | undefined;
  readonly #made = new Map<DescField, Kind>();

  constructor(bareListOf: BareListOf | undefined) {
    this.#bareListOf = bareListOf;
  }

  of(field: DescField): Kind {
    let kind = this.#made.get(field);
    if (kind === undefined) {
      kind = this.#make(field);
      this.#made.set(field, kind);
    }
    return kind;
  }

  #make(field: DescField): Kind {
    const bare = this.#bareListOf?.(field);
    if (bare !== undefined) return { kind: "bare", list: this.of(bare) as ListKind };
    switch (field.fieldKind) {
      case "message":
        return messageKind(field.message);
      case "list": {
        const item = field.listKind === "message" ? messageKind(field.message) : textKind(field);
        return { kind: "list", field, item, max: maxItems(field) };
      }
      case "map": {
        const item = field.mapKind === "message" ? messageKind(field.message) : textKind(field);
        return { kind: "map", item, max: maxItems(field) };
      }
      case "enum":
        return LONG_TEXT;
      default:
        return textKind(field);
    }
  }
}

function messageKind(schema: DescMessage): Kind {
  switch (schema.typeName) {
    case "google.protobuf.Struct":
    case "google.protobuf.Value":
    case "google.protobuf.ListValue":
      return { kind: "json" };
    case "google.protobuf.Any":
      return UNKNOWN;
    default:
      return schema.typeName.startsWith("google.protobuf.") ? LONG_TEXT : { kind: "message", schema };
  }
}

const LONG_TEXT: Kind = {
  kind: "text",
  max: MAX_TEXT_VALUE,
  rule: "string.max_len",
  words: `must be at most ${MAX_TEXT_VALUE} characters`,
};

/** A byte is written as six characters at most. */
function textKind(field: DescField): Kind {
  const limit = textLimit(field);
  if (limit !== undefined) return { kind: "text", max: 6 * limit.maxBytes, ...limit };
  const { scalar } = field;
  if (scalar === undefined || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return UNKNOWN;
  return { kind: "text", max: MAX_TEXT_VALUE, rule: WRONG_TYPE, words: `must be ${scalarInWords(scalar)}` };
}

const NO_TEXT: Partial<Record<Kind["kind"], string>> = {
  message: "must be an object",
  map: "must be an object",
  list: "must be an array",
  bare: "must be an array",
};

/**
 * What to say of a text of this length, of which the parser would make a value at length, and then nobody would take
 * it; undefined: nothing.
 */
export function textFault(kind: Kind, length: number): readonly [rule: string, words: string] | undefined {
  if (kind.kind === "text") return length > kind.max ? [kind.rule, kind.words] : undefined;
  const words = length > MAX_TEXT_VALUE ? NO_TEXT[kind.kind] : undefined;
  return words === undefined ? undefined : [WRONG_TYPE, words];
}
