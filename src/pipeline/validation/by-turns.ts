// Validates requests with a long list in slices, and yields to other work between them.
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { DomainError, type FieldViolation } from "../../domain/errors.ts";
import { Turns } from "../streams/time-slices.ts";
import { type LongList, longListOf } from "./long-list.ts";
import { invalid, type Validate } from "./validation.ts";

/**
 * Validates as `validate` does, at once where no list is long. Where one is, gives a promise, and the error names what
 * is broken in the first slice of 500 items that breaks a rule.
 */
export function validateByTurns(validate: Validate, schema: DescMessage, message: Message): Promise<void> | undefined {
  const list = longListOf(schema, message);
  if (list !== undefined) return validateSlices(validate, schema, list);
  validate(schema, message);
  return undefined;
}

async function validateSlices(validate: Validate, schema: DescMessage, { place, slices }: LongList): Promise<void> {
  const turns = new Turns();
  for (const { message, first } of slices()) {
    await turns.next();
    try {
      validate(schema, message);
    } catch (error) {
      const violations = error instanceof DomainError ? error.details.violations : undefined;
      throw violations === undefined ? error : invalid(violations.map((one) => placed(one, place, first)));
    }
  }
}

/** A violation in a slice, with the place that it has in the whole list. */
function placed(violation: FieldViolation, list: string, first: number): FieldViolation {
  const [whole, index] = new RegExp(`^${list.replace(".", "\\.")}\\[(\\d+)\\]`).exec(violation.field) ?? [];
  if (whole === undefined) return violation;
  return { ...violation, field: `${list}[${first + Number(index)}]${violation.field.slice(whole.length)}` };
}
