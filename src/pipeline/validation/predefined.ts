// Reads the contract's predefined rules (colloquy/v1/rules.proto) as the native rules that their expressions stand for:
// to evaluate the expressions would cost a call more than the rest of its validation.
import {
  clearExtension,
  clone,
  createRegistry,
  type DescExtension,
  type DescMessage,
  getExtension,
  getOption,
  hasExtension,
  type MessageShape,
  type Registry,
} from "@bufbuild/protobuf";
import {
  type FieldRules,
  FieldRulesSchema,
  type Int32Rules,
  Int32RulesSchema,
  predefined,
  type StringRules,
  StringRulesSchema,
} from "../../../gen/buf/validate/validate_pb.ts";
import { file_colloquy_v1_rules } from "../../../gen/colloquy/v1/rules_pb.ts";

/** What protovalidate needs to evaluate the predefined rules. */
export const predefinedRules: Registry = createRegistry(file_colloquy_v1_rules);

type Native = Partial<
  Pick<StringRules, "minLen" | "maxLen" | "pattern"> & Pick<Int32Rules, "greaterThan" | "lessThan">
>;

/** Each form of expression that is known, and the native rule that it stands for. */
const FORMS: readonly (readonly [form: RegExp, native: (bound: string) => Native])[] = [
  [/^!rule \|\| this\.size\(\) >= (\d+)$/, (bound) => ({ minLen: BigInt(bound) })],
  [/^!rule \|\| this\.size\(\) <= (\d+)$/, (bound) => ({ maxLen: BigInt(bound) })],
  [/^!rule \|\| this\.matches\('([^'\\]+)'\)$/, (bound) => ({ pattern: bound })],
  [/^!rule \|\| this >= (-?\d+)$/, (bound) => ({ greaterThan: { case: "gte", value: Number(bound) } })],
  [/^!rule \|\| this <= (-?\d+)$/, (bound) => ({ lessThan: { case: "lte", value: Number(bound) } })],
];

/** The rules of a field, with native ones in the place of predefined ones. One without a known form stays as it is. */
export function nativeRules(own: FieldRules): FieldRules {
  const { type } = own;
  if (type.case === "string") return withValue(own, nativeOf(StringRulesSchema, type.value));
  if (type.case === "int32") return withValue(own, nativeOf(Int32RulesSchema, type.value));
  if (type.case !== "repeated" || type.value.items === undefined) return own;
  const copy = clone(FieldRulesSchema, own);
  if (copy.type.case === "repeated") copy.type.value.items = nativeRules(type.value.items);
  return copy;
}

function withValue(own: FieldRules, value: StringRules | Int32Rules): FieldRules {
  if (value === own.type.value) return own;
  const copy = clone(FieldRulesSchema, own);
  copy.type.value = value;
  return copy;
}

function nativeOf<M extends DescMessage>(schema: M, own: MessageShape<M>): MessageShape<M> {
  if (own.$unknown === undefined) return own;
  const copy = clone(schema, own);
  for (const rule of file_colloquy_v1_rules.extensions) {
    if (rule.extendee.typeName !== schema.typeName || !hasExtension(copy, rule)) continue;
    const bounds = getExtension(copy, rule) === true ? boundsOf(rule) : {};
    // Two bounds of one kind are left to protovalidate.
    if (bounds === undefined || Object.keys(bounds).some((key) => isBound(copy, key))) continue;
    clearExtension(copy, rule);
    Object.assign(copy, bounds);
  }
  if (copy.$unknown?.length === 0) delete copy.$unknown;
  return copy;
}

function isBound(rules: object, key: string): boolean {
  const own = Object.hasOwn(rules, key) ? (rules as Record<string, unknown>)[key] : undefined;
  return typeof own === "object" ? (own as { case?: string } | null)?.case !== undefined : own !== undefined;
}

/** Undefined: one of the expressions has no known form. */
export function boundsOf(rule: DescExtension): Native | undefined {
  const all: Native = {};
  for (const { expression } of getOption(rule, predefined).cel) {
    const found = FORMS.map(([form, native]) => ({ bound: form.exec(expression)?.[1], native })).find(
      ({ bound }) => bound !== undefined,
    );
    if (found?.bound === undefined) return undefined;
    Object.assign(all, found.native(found.bound));
  }
  return all;
}
