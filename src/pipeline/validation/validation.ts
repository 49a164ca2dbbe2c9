// The validation stage: checks a decoded request against the contract's rules and the limits of this store.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import { DomainError, ErrorReason, type FieldViolation } from "../../domain/errors.ts";
import { enumInWords } from "../../domain/type-words.ts";
import { createFastChecks } from "./fast-checks.ts";
import { wordsOfPattern } from "./pattern-words.ts";
import { predefinedRules } from "./predefined.ts";
import { createWellFormedCheck } from "./text-rules.ts";
import { uncheckedPart } from "./unchecked-part.ts";

/** Maximum number of broken rules that one error names. */
const MAX_VIOLATIONS = 20;

/** Throws INVALID_FIELD, with at most the first 20 broken rules, if a message breaks rules of its contract. */
export type Validate = (schema: DescMessage, message: Message) => void;

// Rules are compiled once for each message type, on its first use, and not for each server and import: those of an
// imported conversation took it 6 ms.
const validator = createValidator({ registry: predefinedRules });
const wellFormed = createWellFormedCheck();
const plain = createFastChecks();

/**
 * The validation stage.
 *
 * What it costs is bounded: lists are counted before they are looked into, and of a long list the library, which takes
 * ten microseconds for an item, sees first only those that may break a rule, and all only where more than 20 are in
 * doubt and the first of them break none.
 */
export const validate: Validate = (schema, message) => {
  // First, for it bounds how much and how deep the other will walk.
  const broken = wellFormed(schema, message);
  if (broken.length > 0) throw invalid(broken);
  if (plain.message(schema, message)) return;
  const { part, pathOf, more } = uncheckedPart(plain, schema, message);
  const first = validator.validate(schema, part);
  const whole = first.kind === "valid" && more;
  const result = whole ? validator.validate(schema, message) : first;
  if (result.kind === "error") throw result.error;
  if (result.kind === "invalid") {
    throw invalid(
      result.violations.slice(0, MAX_VIOLATIONS).map((v) => ({
        field: pathToString(withoutOneof(whole ? v.field : pathOf(v.field))),
        description: inWords(v),
        rule: v.ruleId,
      })),
    );
  }
};

/** The library's own words, but where nothing was given, or where they would show an expression. */
function inWords({ message, ruleId, forKey, field }: Violation): string {
  const [, pattern] = /^does not match regex pattern `(.*)`$/s.exec(message) ?? [];
  const words = pattern === undefined ? undefined : wordsOfPattern(pattern);
  if (words !== undefined) return forKey ? `the key ${words}` : words;
  if (ruleId === "enum.defined_only") return definedOnly(field);
  const last = field.at(-1);
  if (last?.kind === "oneof") return `must have one of ${last.fields.map(({ name }) => name).join(", ")}`;
  if (message === "value is required") return "must be set";
  if (ruleId === "enum.not_in" && message.endsWith("[0]")) return "must not be unspecified";
  return ruleId.endsWith("_empty") || message === "must be at least 1 characters" ? "must not be empty" : message;
}

/** The name of a oneof stands in no request: what is wrong is the message that has none of its fields. */
function withoutOneof(path: Violation["field"]): Violation["field"] {
  return path.at(-1)?.kind === "oneof" ? path.slice(0, -1) : path;
}

function definedOnly(field: Violation["field"]): string {
  const named = field.findLast((step) => step.kind === "field");
  return named?.enum === undefined ? "must be a value of the enum" : `must be ${enumInWords(named.enum)}`;
}

/** The error that names broken rules, the first of them in its text. */
export function invalid(violations: readonly FieldViolation[]): DomainError {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const text = first?.field ? `${first.field}: ${first.description}` : (first?.description ?? "invalid request");
  return new DomainError(ErrorReason.INVALID_FIELD, text + more, { violations });
}
