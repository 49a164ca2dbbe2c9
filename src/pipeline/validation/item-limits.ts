// Limits of lists, maps and texts in requests: from their rules, with a default for lists and maps without a rule.
import { type DescField, getOption, hasOption } from "@bufbuild/protobuf";
import * as rules from "../../../gen/buf/validate/validate_pb.ts";
import { nativeRules } from "./predefined.ts";

/**
 * Where no rule says anything, as in types that are not ours: the paths of a field mask, the extensions of a raw body.
 */
const MAX_UNRULED_ITEMS = 1_000;
/** Free JSON is limited by its bytes: no more values can be written in so many. */
const MAX_JSON_ITEMS = 8_192;
const FREE_JSON = ["google.protobuf.Struct", "google.protobuf.ListValue"];

const known = new WeakMap<DescField, number>();

/** Maximum number of items of a repeated field, or pairs of a map: `max_items`, `max_pairs`, or 1,000. */
export function maxItems(field: DescField): number {
  let max = known.get(field);
  if (max === undefined) {
    const { type } = hasOption(field, rules.field) ? getOption(field, rules.field) : { type: undefined };
    if (type?.case === "repeated") max = Number(type.value.maxItems) || MAX_UNRULED_ITEMS;
    else if (type?.case === "map") max = Number(type.value.maxPairs) || MAX_UNRULED_ITEMS;
    else max = FREE_JSON.includes(field.parent.typeName) ? MAX_JSON_ITEMS : MAX_UNRULED_ITEMS;
    known.set(field, max);
  }
  return max;
}

/** The rule that too many items break, and its words: as the library of the rules has them. */
export function tooManyItems(max: number, kind: "list" | "map" = "list"): [rule: string, description: string] {
  return kind === "list"
    ? ["repeated.max_items", `must contain no more than ${max} item(s)`]
    : ["map.max_pairs", `map must be at most ${max} entries`];
}

/** How long a text may be, and the rule that says so. */
export interface TextLimit {
  /** In bytes of UTF-8: no shorter text breaks the rule. */
  readonly maxBytes: number;
  readonly rule: string;
  readonly words: string;
}

const texts = new WeakMap<DescField, { readonly limit: TextLimit | undefined }>();

/** Of a string, or of each of a list or map: `max_bytes` or `max_len`. Undefined: no rule says. */
export function textLimit(field: DescField): TextLimit | undefined {
  let found = texts.get(field);
  if (found === undefined) {
    found = { limit: makeTextLimit(field) };
    texts.set(field, found);
  }
  return found.limit;
}

function makeTextLimit(field: DescField): TextLimit | undefined {
  if (!hasOption(field, rules.field)) return undefined;
  const { type } = nativeRules(getOption(field, rules.field));
  const values = type.case === "map" ? type.value.values : undefined;
  const own = type.case === "repeated" ? type.value.items?.type : values ? nativeRules(values).type : type;
  if (own?.case !== "string") return undefined;
  const { maxLen, maxBytes } = own.value;
  if (maxBytes > 0n) {
    return { maxBytes: Number(maxBytes), rule: "string.max_bytes", words: `must be at most ${maxBytes} bytes` };
  }
  // A character takes four bytes at most.
  return maxLen === 0n
    ? undefined
    : { maxBytes: 4 * Number(maxLen), rule: "string.max_len", words: `must be at most ${maxLen} characters` };
}
