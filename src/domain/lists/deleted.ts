// Which things a call answers: those that are there, the deleted ones, or both.
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";

export type Deleted = "exclude" | "include" | "only";

export function deletedOf(filter: DeletedFilter): Deleted {
  if (filter === DeletedFilter.INCLUDE) return "include";
  return filter === DeletedFilter.ONLY ? "only" : "exclude";
}

/** Of a call for one thing: whether it is answered if it is deleted. */
export function showsDeleted(filter: DeletedFilter): boolean {
  return deletedOf(filter) !== "exclude";
}

/** Of a call for one thing: whether it is not answered because it is not deleted. */
export function hidesPresent(filter: DeletedFilter, deleteTime: Date | null): boolean {
  return filter === DeletedFilter.ONLY && deleteTime === null;
}
