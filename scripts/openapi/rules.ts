// Turns protovalidate rules into JSON Schema, and into a sentence where JSON Schema has no word for a rule.
import { type DescEnum, toJson } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { DurationSchema, FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  type BytesRules,
  type DurationRules,
  type EnumRules,
  type FieldRules,
  Ignore,
  type TimestampRules,
} from "../../gen/buf/validate/validate_pb.ts";
import type { Constraints, Json, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import { numberConstraints, wideNumberConstraints } from "./rules-number.ts";
import { stringConstraints } from "./rules-string.ts";

/** @param enumeration the type of the field's values, if they are of an enum. */
export function constraintsOf(rules: FieldRules, enumeration?: DescEnum): Constraints {
  if (rules.ignore === Ignore.ALWAYS) return { keywords: {}, notes: [] };
  const typed = typedConstraints(rules, enumeration);
  const custom = rules.cel.filter((rule) => rule.message !== "").map((rule) => sentence(rule.message));
  return { keywords: typed.keywords, notes: [...typed.notes, ...custom] };
}

/** Adds keywords to a schema. The rules of a field that is ignored at its zero value hold only for other values. */
export function constrain(
  base: Schema,
  rules: FieldRules | undefined,
  enumeration?: DescEnum,
): Schema & { notes: string[] } {
  if (rules === undefined) return { ...base, notes: [] };
  const { keywords, notes } = constraintsOf(rules, enumeration);
  const zero = zeroOf(base);
  if (rules.ignore !== Ignore.IF_ZERO_VALUE || zero === undefined || admits(keywords, zero)) {
    return { ...merge(base, keywords), notes: [...notes] };
  }
  const { type } = base;
  const none: Schema = type === undefined ? { const: zero } : { type, const: zero };
  return { ...merge(base, { anyOf: [none, keywords] }), notes: [...notes] };
}

/**
 * Joins two schemas of which both must hold. A narrower bound replaces a wider one. Alternatives each get all the rest:
 * generators of clients make a union of them, and one without a type would be of any.
 */
function merge(base: Schema, { anyOf, ...more }: Schema): Schema {
  const all = join(base, more);
  return anyOf === undefined ? all : { anyOf: anyOf.map((part) => ("const" in part ? part : merge(all, part))) };
}

function join(base: Schema, more: Schema): Schema {
  const merged: Schema = { ...base, ...more };
  const wide = base.format === "int64" || base.format === "uint64";
  if (!wide && base.pattern !== undefined && more.pattern !== undefined && base.pattern !== more.pattern) {
    merged.allOf = [{ pattern: more.pattern }, ...(more.allOf ?? [])];
    merged.pattern = base.pattern;
  }
  if (more.exclusiveMinimum !== undefined) delete merged.minimum;
  if (more.exclusiveMaximum !== undefined) delete merged.maximum;
  return merged;
}

export function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

function typedConstraints({ type }: FieldRules, enumeration: DescEnum | undefined): Constraints {
  switch (type.case) {
    case "string":
      return stringConstraints(type.value);
    case "bytes":
      return bytesConstraints(type.value);
    case "enum":
      return enumConstraints(type.value, enumeration);
    case "bool":
      return { keywords: isSet(type.value, "const") ? { const: type.value.const } : {}, notes: [] };
    case "int64":
    case "uint64":
    case "sint64":
    case "fixed64":
    case "sfixed64":
      return wideNumberConstraints(type.value);
    case "int32":
    case "uint32":
    case "sint32":
    case "fixed32":
    case "sfixed32":
    case "float":
    case "double":
      return numberConstraints(type.value);
    case "repeated": {
      const { minItems, maxItems, unique } = type.value;
      const keywords: Schema = {};
      if (isSet(type.value, "minItems")) keywords.minItems = Number(minItems);
      if (isSet(type.value, "maxItems")) keywords.maxItems = Number(maxItems);
      if (unique) keywords.uniqueItems = true;
      return { keywords, notes: [] };
    }
    case "map": {
      const keywords: Schema = {};
      if (isSet(type.value, "minPairs")) keywords.minProperties = Number(type.value.minPairs);
      if (isSet(type.value, "maxPairs")) keywords.maxProperties = Number(type.value.maxPairs);
      return { keywords, notes: [] };
    }
    case "any": {
      const keywords: Schema = {};
      if (type.value.in.length > 0) keywords.properties = { "@type": { type: "string", enum: [...type.value.in] } };
      return { keywords, notes: [] };
    }
    case "duration":
      return durationConstraints(type.value);
    case "timestamp":
      return timestampConstraints(type.value);
    case "fieldMask": {
      const { in: allowed } = type.value;
      const notes = allowed.length > 0 ? [`Paths: ${allowed.map((path) => `\`${path}\``).join(", ")}.`] : [];
      const keywords = type.value.const ? { const: toJson(FieldMaskSchema, type.value.const) } : {};
      return { keywords, notes };
    }
    default:
      return { keywords: {}, notes: [] };
  }
}

function enumConstraints(rules: EnumRules, enumeration: DescEnum | undefined): Constraints {
  const name = (number: number): Json => enumeration?.value[number]?.name ?? number;
  const keywords: Schema = {};
  if (isSet(rules, "const")) keywords.const = name(rules.const);
  if (rules.in.length > 0) keywords.enum = rules.in.map(name);
  if (rules.notIn.length > 0) keywords.not = { enum: rules.notIn.map(name) };
  return { keywords, notes: [] };
}

// The length of the base64 form says at most as much as that of the bytes.
function bytesConstraints(rules: BytesRules): Constraints {
  const keywords: Schema = {};
  const notes: string[] = [];
  const [min, max] = isSet(rules, "len") ? [rules.len, rules.len] : [rules.minLen, rules.maxLen];
  if (isSet(rules, "minLen") || isSet(rules, "len")) {
    keywords.minLength = Math.ceil((Number(min) * 4) / 3);
    notes.push(`At least ${bytes(min)}.`);
  }
  if (isSet(rules, "maxLen") || isSet(rules, "len")) {
    keywords.maxLength = Math.ceil(Number(max) / 3) * 4;
    notes.push(`At most ${bytes(max)}.`);
  }
  if (isSet(rules, "const")) keywords.const = base64Encode(rules.const);
  if (rules.in.length > 0) keywords.enum = rules.in.map((value) => base64Encode(value));
  if (rules.notIn.length > 0) keywords.not = { enum: rules.notIn.map((value) => base64Encode(value)) };
  return { keywords, notes };
}

function bytes(count: bigint): string {
  return count === 1n ? "1 byte" : `${count} bytes`;
}

function durationConstraints(rules: DurationRules): Constraints {
  const text = (value: DurationRules["const"]) => (value === undefined ? "" : toJson(DurationSchema, value));
  const keywords: Schema = {};
  if (rules.const) keywords.const = text(rules.const);
  if (rules.in.length > 0) keywords.enum = rules.in.map(text);
  if (rules.notIn.length > 0) keywords.not = { enum: rules.notIn.map(text) };
  const { greaterThan, lessThan } = rules;
  const notes: string[] = [];
  if (greaterThan.case)
    notes.push(`${greaterThan.case === "gt" ? "More than" : "At least"} ${text(greaterThan.value)}.`);
  if (lessThan.case) notes.push(`${lessThan.case === "lt" ? "Less than" : "At most"} ${text(lessThan.value)}.`);
  return { keywords, notes };
}

function timestampConstraints({ greaterThan, lessThan, within, const: fixed }: TimestampRules): Constraints {
  const notes: string[] = [];
  if (greaterThan.case === "gtNow") notes.push("In the future.");
  else if (greaterThan.case === "gt") notes.push(`After ${toJson(TimestampSchema, greaterThan.value)}.`);
  else if (greaterThan.case === "gte") notes.push(`Not before ${toJson(TimestampSchema, greaterThan.value)}.`);
  if (lessThan.case === "ltNow") notes.push("In the past.");
  else if (lessThan.case === "lt") notes.push(`Before ${toJson(TimestampSchema, lessThan.value)}.`);
  else if (lessThan.case === "lte") notes.push(`Not after ${toJson(TimestampSchema, lessThan.value)}.`);
  if (within) notes.push(`Within ${toJson(DurationSchema, within)} of now.`);
  return { keywords: fixed ? { const: toJson(TimestampSchema, fixed) } : {}, notes };
}

function zeroOf({ type }: Schema): Json | undefined {
  switch (type) {
    case "string":
      return "";
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return false;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return undefined;
  }
}

/** Whether a zero value keeps the keywords of one field. */
function admits(keywords: Schema, zero: Json): boolean {
  const { minLength = 0, minItems = 0, minProperties = 0, format, pattern } = keywords;
  if (minLength > 0 || minItems > 0 || minProperties > 0 || format !== undefined) return false;
  if (keywords.const !== undefined && keywords.const !== zero) return false;
  if (keywords.enum !== undefined && !keywords.enum.includes(zero)) return false;
  if (keywords.not?.enum?.includes(zero)) return false;
  if (typeof zero === "string" && pattern !== undefined && !new RegExp(pattern, "u").test(zero)) return false;
  if (typeof zero === "number") {
    const { minimum = 0, maximum = 0, exclusiveMinimum = -1, exclusiveMaximum = 1 } = keywords;
    if (minimum > 0 || maximum < 0 || exclusiveMinimum >= 0 || exclusiveMaximum <= 0) return false;
  }
  const all = keywords.allOf ?? [];
  const any = keywords.anyOf;
  return all.every((part) => admits(part, zero)) && (any === undefined || any.some((part) => admits(part, zero)));
}

// A rule in proto2 has presence: 0 and "" are rules too.
function isSet<T extends object>(rules: T, key: keyof T & string): boolean {
  return Object.hasOwn(rules, key) && rules[key] !== undefined;
}
