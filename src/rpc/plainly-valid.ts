// Tells at a glance of most good requests that they keep their contract's rules, so that protovalidate need not be asked.
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import * as rules from "../../gen/buf/validate/validate_pb.ts";

/** True: no rule is broken. False says nothing: what is looked at are a few kinds of rules, and no message within another. */
export type PlainlyValid = (schema: DescMessage, message: Message) => boolean;

type Fields = Readonly<Record<string, unknown>>;
/** Whether a field of a message keeps its rules for certain. */
type Check = (message: Fields) => boolean;

/** Checks are made once for each message type, on its first use. */
export function createPlainlyValid(): PlainlyValid {
  const plans = new Map<DescMessage, readonly Check[]>();
  return (schema, message) => {
    let plan = plans.get(schema);
    if (plan === undefined) {
      plan = planOf(schema);
      plans.set(schema, plan);
    }
    return plan.every((check) => check(message as unknown as Fields));
  };
}

const UNSURE = () => false;

function planOf(schema: DescMessage): readonly Check[] {
  if (hasOption(schema, rules.message) || schema.oneofs.some((one) => hasOption(one, rules.oneof))) return [UNSURE];
  return schema.fields.map(checkOf).filter((check) => check !== undefined);
}

/** Undefined: there is nothing to check. */
function checkOf(field: DescField): Check | undefined {
  const name = field.localName;
  const own = getOption(field, rules.field);
  // Others than these: what is required, rules in CEL, and when rules hold.
  if (!hasOnly(rules.FieldRulesSchema, own, ["string", "int32", "int64", "enum", "repeated"])) return UNSURE;
  const group = field.oneof?.localName;
  if (group !== undefined) return (message) => (message[group] as { case?: string } | undefined)?.case === undefined;
  switch (field.fieldKind) {
    case "scalar":
    case "enum": {
      const keeps = valueCheck(own, field.enum);
      return keeps && ((message) => message[name] === undefined || keeps(message[name] as never));
    }
    case "message":
      return (message) => message[name] === undefined;
    case "list":
      // Of an empty one nothing is asked but how long it is at least.
      return own.type.case === "repeated" && own.type.value.minItems > 0n
        ? UNSURE
        : (message) => (message[name] as readonly unknown[]).length === 0;
    case "map":
      return UNSURE;
  }
}

function valueCheck({ type }: rules.FieldRules, of: DescEnum | undefined): ((value: never) => boolean) | undefined {
  switch (type.case) {
    case "string":
      return hasOnly(rules.StringRulesSchema, type.value, ["min_len", "max_len"]) ? lengthCheck(type.value) : UNSURE;
    case "int32":
      return hasOnly(rules.Int32RulesSchema, type.value, ["gte", "lte"]) ? rangeCheck(type.value) : UNSURE;
    case "int64":
      return hasOnly(rules.Int64RulesSchema, type.value, ["gte", "lte"]) ? rangeCheck(type.value) : UNSURE;
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

/** Lengths are in code points: never more than UTF-16 counts, and at least half as many. */
function lengthCheck(own: rules.StringRules): (value: string) => boolean {
  const least = 2 * Number(own.minLen) - 1;
  const most = isFieldSet(own, rules.StringRulesSchema.field.maxLen) ? Number(own.maxLen) : Number.POSITIVE_INFINITY;
  return (value) => value.length >= least && value.length <= most;
}

function rangeCheck({
  greaterThan,
  lessThan,
}: rules.Int32Rules | rules.Int64Rules): (value: number | bigint) => boolean {
  const least = greaterThan.case === "gte" ? greaterThan.value : Number.NEGATIVE_INFINITY;
  const most = lessThan.case === "lte" ? lessThan.value : Number.POSITIVE_INFINITY;
  // With its bounds the other way round, a range is what lies outside.
  return least > most ? UNSURE : (value) => value >= least && value <= most;
}

/** Whether of all rules only these are there, and none that this version of the rules does not know. */
function hasOnly(schema: DescMessage, message: Message, names: readonly string[]): boolean {
  const others = schema.fields.filter((field) => !names.includes(field.name));
  return message.$unknown === undefined && !others.some((field) => isFieldSet(message as never, field));
}
