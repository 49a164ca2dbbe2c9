// How many requests one endpoint may have under way.
import type { ClaimedRow } from "../../store/webhooks/leases.ts";

const MAX_ORDERED = 8;
const MAX_UNORDERED = 16;

/** One batch at a time; of single events those of other conversations go along, or any without an order. */
export function requestsAtOnce({ batch_size, ordered }: ClaimedRow): number {
  if (batch_size > 1) return 1;
  return ordered ? MAX_ORDERED : MAX_UNORDERED;
}
