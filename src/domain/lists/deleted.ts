// Whether a call returns existing resources, deleted ones, or both.
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";

export type Deleted = "exclude" | "include" | "only";

export function deletedOf(filter: DeletedFilter): Deleted {
  if (filter === DeletedFilter.INCLUDE) return "include";
  return filter === DeletedFilter.ONLY ? "only" : "exclude";
}

/** For one resource: whether it is returned if it is deleted. */
export function showsDeleted(filter: DeletedFilter): boolean {
  return deletedOf(filter) !== "exclude";
}

/** For one resource: whether it is not returned because it is not deleted. */
export function hidesPresent(filter: DeletedFilter, deleteTime: Date | null): boolean {
  return filter === DeletedFilter.ONLY && deleteTime === null;
}
