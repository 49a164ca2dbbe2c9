// Recognizes most valid requests quickly, without protovalidate.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import * as rules from "../../../gen/buf/validate/validate_pb.ts";
import { nativeRules } from "./predefined.ts";

/** True: no rule is broken. False: unknown, because only a few kinds of rules are checked; ask protovalidate. */
export type FastCheck = (schema: DescMessage, message: Message) => boolean;

export interface FastChecks {
  /** Of a message and all within it. */
  readonly message: FastCheck;
  /** Of each item of a list; undefined for one whose items have no rules. */
  item(field: DescField & { fieldKind: "list" }): ((item: unknown) => boolean) | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
/** Whether a field of a message keeps its rules for certain. */
type Check = (message: Fields) => boolean;

/** Checks are made once for each message type, on its first use. */
export function createFastCheck(): FastCheck {
  return createFastChecks().message;
}

export function createFastChecks(): FastChecks {
  const plans = new Map<DescMessage, Check[]>();
  const items = new Map<DescField, ((item: unknown) => boolean) | undefined>();

  function planOf(schema: DescMessage): readonly Check[] {
    let plan = plans.get(schema);
    if (plan === undefined) {
      plan = [];
      // Known before it is filled: a message may hold itself.
      plans.set(schema, plan);
      if (hasOption(schema, rules.message) || schema.oneofs.some((one) => hasOption(one, rules.oneof))) {
        plan.push(UNSURE);
      } else {
        for (const field of schema.fields) {
          const check = checkOf(field);
          if (check !== undefined) plan.push(check);
        }
      }
    }
    return plan;
  }

  /** Of the message that a field or an item holds. Well-known types have no rules in them. */
  function messageCheck(schema: DescMessage): ((value: unknown) => boolean) | undefined {
    if (schema.typeName.startsWith("google.protobuf.")) return undefined;
    const plan = planOf(schema);
    return (value) => keepsAll(plan, value as Fields);
  }

  /** Undefined: there is nothing to check. */
  function checkOf(field: DescField): Check | undefined {
    const name = field.localName;
    const own = nativeRules(getOption(field, rules.field));
    const group = field.oneof?.localName;
    if (group !== undefined) {
      const keeps = choiceCheck(field, own);
      return (message) => {
        const choice = message[group] as { case?: string; value?: unknown } | undefined;
        return choice?.case !== name || keeps === undefined || keeps(choice.value);
      };
    }
    // Others than these: rules in CEL, and when rules hold.
    const kinds = [
      "string",
      "int32",
      "int64",
      "double",
      "enum",
      "repeated",
      "map",
      ...(field.fieldKind === "message" ? ["required"] : []),
    ];
    if (!hasOnly(rules.FieldRulesSchema, own, kinds)) return UNSURE;
    switch (field.fieldKind) {
      case "scalar":
      case "enum": {
        const keeps = valueCheck(own, field.enum);
        return keeps && ((message) => message[name] === undefined || keeps(message[name] as never));
      }
      case "message": {
        const keeps = messageCheck(field.message);
        const unset = !own.required;
        if (keeps === undefined && unset) return undefined;
        return (message) => {
          const value = message[name];
          return value === undefined ? unset : keeps === undefined || keeps(value);
        };
      }
      case "list":
        return listCheck(field, own);
      case "map":
        return mapCheck(field, own);
    }
  }

  /** Of a value that is set: one of several, of which a message holds one at most. */
  function choiceCheck(field: DescField, own: rules.FieldRules): ((value: unknown) => boolean) | undefined {
    if (!hasOnly(rules.FieldRulesSchema, own, ["string", "int32", "int64", "double", "enum"])) return UNSURE;
    if (field.fieldKind === "message") return messageCheck(field.message);
    return valueCheck(own, field.enum) as ((value: unknown) => boolean) | undefined;
  }

  function listCheck(field: DescField & { fieldKind: "list" }, own: rules.FieldRules): Check {
    const name = field.localName;
    const list = own.type.case === "repeated" ? own.type.value : undefined;
    const plain = list === undefined || hasOnly(rules.RepeatedRulesSchema, list, ["min_items", "max_items", "items"]);
    const least = Number(list?.minItems ?? 0n);
    const max = list?.maxItems ? Number(list.maxItems) : Number.POSITIVE_INFINITY;
    const keeps = itemCheck(field);
    return (message) => {
      const values = message[name] as readonly unknown[];
      if (values.length === 0) return least === 0;
      if (!plain || values.length < least || values.length > max) return false;
      return keeps === undefined || values.every(keeps);
    };
  }

  /** An empty one, which most are, breaks no rule but one of its least pairs. */
  function mapCheck(field: DescField & { fieldKind: "map" }, { type }: rules.FieldRules): Check {
    const name = field.localName;
    if (type.case === "map" && !hasOnly(rules.MapRulesSchema, type.value, ["max_pairs", "keys", "values"]))
      return UNSURE;
    return (message) => {
      for (const _ in message[name] as object) return false;
      return true;
    };
  }

  function itemCheck(field: DescField & { fieldKind: "list" }): ((item: unknown) => boolean) | undefined {
    if (items.has(field)) return items.get(field);
    const check = makeItemCheck(field);
    items.set(field, check);
    return check;
  }

  function makeItemCheck(field: DescField & { fieldKind: "list" }): ((item: unknown) => boolean) | undefined {
    const { type } = nativeRules(getOption(field, rules.field));
    const own = type.case === "repeated" ? type.value.items : undefined;
    if (field.listKind === "message") return own === undefined ? messageCheck(field.message) : () => false;
    if (own === undefined) return undefined;
    if (!hasOnly(rules.FieldRulesSchema, own, ["string", "int32", "int64", "double", "enum"])) return () => false;
    return valueCheck(own, field.listKind === "enum" ? field.enum : undefined) as
      | ((item: unknown) => boolean)
      | undefined;
  }

  return { message: (schema, message) => keepsAll(planOf(schema), message as unknown as Fields), item: itemCheck };
}

const UNSURE = () => false;

function keepsAll(plan: readonly Check[], message: Fields): boolean {
  for (const check of plan) if (!check(message)) return false;
  return true;
}

function valueCheck({ type }: rules.FieldRules, of: DescEnum | undefined): ((value: never) => boolean) | undefined {
  switch (type.case) {
    case "string":
      return hasOnly(rules.StringRulesSchema, type.value, ["min_len", "max_len", "max_bytes", "pattern", "in"])
        ? textCheck(type.value)
        : UNSURE;
    case "int32":
      return hasOnly(rules.Int32RulesSchema, type.value, ["gte", "lte"]) ? rangeCheck(type.value) : UNSURE;
    case "int64":
      return hasOnly(rules.Int64RulesSchema, type.value, ["gte", "lte"]) ? rangeCheck(type.value) : UNSURE;
    case "double":
      return hasOnly(rules.DoubleRulesSchema, type.value, ["gte", "lte", "finite"])
        ? rangeCheck(type.value, type.value.finite)
        : UNSURE;
    case "enum":
      return hasOnly(rules.EnumRulesSchema, type.value, ["defined_only"]) && of !== undefined
        ? (value: number) => of.value[value] !== undefined
        : UNSURE;
    case undefined:
      return undefined;
    default:
      return UNSURE;
  }
}

/**
 * Lengths are in code points: never more than UTF-16 counts, and at least half as many. Bytes are at most three for
 * each that UTF-16 counts. A text with a pattern is plain if it is empty, or as short as most are.
 */
function textCheck(own: rules.StringRules): (value: string) => boolean {
  const least = 2 * Number(own.minLen) - 1;
  const isSet = (field: DescField) => isFieldSet(own, field as never);
  const { maxLen, maxBytes, pattern } = rules.StringRulesSchema.field;
  const max = isSet(maxLen) ? Number(own.maxLen) : Number.POSITIVE_INFINITY;
  const byteLimit = isSet(maxBytes) ? Number(own.maxBytes) : Number.POSITIVE_INFINITY;
  const matches = isSet(pattern) ? patternCheck(own.pattern) : undefined;
  const allowed = own.in.length > 0 ? new Set(own.in) : undefined;
  return (value) =>
    value.length >= least &&
    value.length <= max &&
    (3 * value.length <= byteLimit || (value.length <= byteLimit && Buffer.byteLength(value) <= byteLimit)) &&
    (matches === undefined || matches(value)) &&
    (allowed === undefined || allowed.has(value));
}

/** Any other pattern than one run of visible characters is left to the library, which has expressions of its own. */
function patternCheck(pattern: string): (value: string) => boolean {
  if (pattern !== "^[!-~]*$") return UNSURE;
  const visible = /^[!-~]*$/;
  return (value) => visible.test(value);
}

function rangeCheck(
  { greaterThan, lessThan }: rules.Int32Rules | rules.Int64Rules | rules.DoubleRules,
  finite = false,
): (value: number | bigint) => boolean {
  const least = greaterThan.case === "gte" ? greaterThan.value : Number.NEGATIVE_INFINITY;
  const max = lessThan.case === "lte" ? lessThan.value : Number.POSITIVE_INFINITY;
  // With its bounds the other way round, a range is what lies outside.
  if (least > max) return UNSURE;
  return (value) => value >= least && value <= max && (!finite || Number.isFinite(value));
}

/** Whether of all rules only these are there, and none that this version of the rules does not know. */
function hasOnly(schema: DescMessage, message: Message, names: readonly string[]): boolean {
  const others = schema.fields.filter((field) => !names.includes(field.name));
  return message.$unknown === undefined && !others.some((field) => isFieldSet(message as never, field));
}
