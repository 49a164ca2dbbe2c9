// Errors say in words what a pattern demands: every pattern of the contract has some.
import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import * as rules from "../../../gen/buf/validate/validate_pb.ts";
import { wordsOfPattern } from "../../../src/pipeline/validation/pattern-words.ts";
import { nativeRules } from "../../../src/pipeline/validation/predefined.ts";
import { ownServices } from "../../support/servers/contract.ts";

function patternsOf(own: rules.FieldRules | undefined): string[] {
  if (own === undefined) return [];
  const { type } = nativeRules(own);
  if (type.case === "string") return type.value.pattern === "" ? [] : [type.value.pattern];
  if (type.case === "repeated") return patternsOf(type.value.items);
  return type.case === "map" ? [...patternsOf(type.value.keys), ...patternsOf(type.value.values)] : [];
}

function fieldsOf(schema: DescMessage, seen: Set<DescMessage>): DescField[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  return schema.fields.flatMap((field) => [field, ...(field.message ? fieldsOf(field.message, seen) : [])]);
}

test("every pattern of a request has words", () => {
  const seen = new Set<DescMessage>();
  const fields = ownServices.flatMap(({ methods }) => methods.flatMap(({ input }) => fieldsOf(input, seen)));
  const patterns = new Set(
    fields.flatMap((field) => (hasOption(field, rules.field) ? patternsOf(getOption(field, rules.field)) : [])),
  );
  expect(patterns.size).toBeGreaterThan(8);
  expect([...patterns].filter((pattern) => wordsOfPattern(pattern) === undefined)).toEqual([]);
});
