// The numbers that people say.
import { DomainError, ErrorReason } from "../../domain/errors.ts";

/** The highest number of a conversation, imported or assigned: still exact as a JSON number. */
export const MAX_NUMBER = 1_000_000_000_000n;

/** Throws QUOTA_EXCEEDED if one of them is too high: an export with it could not be imported. */
export function checkNumbers(assigned: Iterable<bigint>): void {
  for (const number of assigned) {
    if (number <= MAX_NUMBER) continue;
    const description = `the numbers of the tenant's conversations end at ${MAX_NUMBER}, which one of them has`;
    throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, { quota: { subject: "tenant", description } });
  }
}
