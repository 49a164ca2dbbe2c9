// Which fields a request must have: those that validation misses in an empty message.
import { create, type DescField, type DescMessage, getOption, hasOption, type Registry } from "@bufbuild/protobuf";
import { createValidator } from "@bufbuild/protovalidate";
import { FieldBehavior, field_behavior } from "../../gen/google/api/field_behavior_pb.ts";

export type RequiredFields = (message: DescMessage) => ReadonlySet<DescField>;

/**
 * Asks the validator itself, so that every rule that refuses a zero value counts: `required`, `min_len`, a format,
 * an expression. Fields with the behaviour REQUIRED count too.
 */
export function createRequired(registry?: Registry): RequiredFields {
  const validator = createValidator(registry === undefined ? {} : { registry });
  return (message) => {
    const result = validator.validate(message, create(message));
    if (result.kind === "error") throw result.error;
    const required = new Set<DescField>();
    for (const { field } of result.violations ?? []) {
      const [first, ...rest] = field;
      if (first?.kind === "field" && rest.length === 0) required.add(first);
    }
    for (const field of message.fields) {
      const behaviors = hasOption(field, field_behavior) ? getOption(field, field_behavior) : [];
      if (behaviors.includes(FieldBehavior.REQUIRED)) required.add(field);
    }
    return required;
  };
}
