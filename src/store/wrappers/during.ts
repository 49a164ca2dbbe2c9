// A database as one call uses it.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable } from "../database.ts";

/** Every statement ends with the call, and tells it what it has seen. */
export function during(on: Queryable, interrupt: Interrupt | undefined): Queryable {
  return { query: (statement, values, signal = interrupt) => on.query(statement, values, signal) };
}
