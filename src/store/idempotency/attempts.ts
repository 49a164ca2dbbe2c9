// Attempts of calls whose clients send them again by themselves, without a request id: kept until their response
// arrived.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable } from "../database.ts";
import type { RequestKey } from "./idempotency.ts";
import { findAttempt, forgetAttempts } from "./statements.ts";

/** The attempt of a caller of which a key is made; its keys begin with the same characters. */
export type Attempt = Omit<RequestKey, "fingerprint">;

/** The latest key of the last ten minutes that begins with `attempt.key`; undefined: none. */
export async function latestAttempt(on: Queryable, attempt: Attempt, signal: Interrupt): Promise<string | undefined> {
  const { tenantId, caller, method, key } = attempt;
  const [row] = await on.query(findAttempt, [tenantId, caller, method, key, `${key}\u{10ffff}`], signal);
  return row?.key;
}

/** Forgets attempts whose response arrived. One statement for each tenant. */
export async function forget(on: Queryable, attempts: readonly Attempt[]): Promise<void> {
  for (const [tenantId, own] of Map.groupBy(attempts, (attempt) => attempt.tenantId)) {
    const column = (name: "caller" | "method" | "key") => own.map((attempt) => attempt[name]);
    await on.query(forgetAttempts, [tenantId, column("caller"), column("method"), column("key")]);
  }
}
