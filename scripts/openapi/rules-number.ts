// Turns the protovalidate rules of numbers into JSON Schema.
import type { DoubleRules, Int64Rules } from "../../gen/buf/validate/validate_pb.ts";
import type { Constraints, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";

type Bound<T> = { case: string; value: T } | { case: undefined; value?: undefined };

interface NumberRules<T> {
  readonly greaterThan: Bound<T>;
  readonly lessThan: Bound<T>;
  readonly const: T;
  readonly in: readonly T[];
  readonly notIn: readonly T[];
}

/** Numbers that JSON writes as numbers. */
export function numberConstraints(rules: NumberRules<number> | DoubleRules): Constraints {
  const { greaterThan, lessThan } = rules;
  const low: Schema = {};
  const high: Schema = {};
  if (greaterThan.case === "gt") low.exclusiveMinimum = greaterThan.value;
  if (greaterThan.case === "gte") low.minimum = greaterThan.value;
  if (lessThan.case === "lt") high.exclusiveMaximum = lessThan.value;
  if (lessThan.case === "lte") high.maximum = lessThan.value;
  // A lower bound above the upper one means: outside of the range between them.
  const outside = greaterThan.case !== undefined && lessThan.case !== undefined && greaterThan.value > lessThan.value;
  const keywords: Schema = outside ? { anyOf: [high, low] } : { ...low, ...high };
  if (Object.hasOwn(rules, "const")) keywords.const = rules.const;
  if (rules.in.length > 0) keywords.enum = [...rules.in];
  if (rules.notIn.length > 0) keywords.not = { enum: [...rules.notIn] };
  return { keywords, notes: [] };
}

/** 64-bit integers, which JSON writes as strings: their sign can be said by a pattern, their bounds only in words. */
export function wideNumberConstraints(rules: NumberRules<bigint> | Int64Rules): Constraints {
  const { greaterThan, lessThan } = rules;
  const keywords: Schema = {};
  const notes: string[] = [];
  if (greaterThan.case !== undefined && lessThan.case !== undefined && greaterThan.value > lessThan.value) {
    notes.push(
      `${words(greaterThan.case)} ${greaterThan.value}, or ${words(lessThan.case).toLowerCase()} ${lessThan.value}.`,
    );
  } else {
    if (greaterThan.case !== undefined) {
      const least = greaterThan.case === "gt" ? greaterThan.value + 1n : greaterThan.value;
      if (least >= 0n) keywords.pattern = least > 0n ? "^[1-9][0-9]*$" : "^[0-9]+$";
      if (least > 1n || least < 0n) notes.push(`${words(greaterThan.case)} ${greaterThan.value}.`);
    }
    if (lessThan.case !== undefined) notes.push(`${words(lessThan.case)} ${lessThan.value}.`);
  }
  if (Object.hasOwn(rules, "const")) keywords.const = String(rules.const);
  if (rules.in.length > 0) keywords.enum = rules.in.map(String);
  if (rules.notIn.length > 0) keywords.not = { enum: rules.notIn.map(String) };
  return { keywords, notes };
}

function words(bound: string): string {
  switch (bound) {
    case "gt":
      return "More than";
    case "gte":
      return "At least";
    case "lt":
      return "Less than";
    default:
      return "At most";
  }
}
