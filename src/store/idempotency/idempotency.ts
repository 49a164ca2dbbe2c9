// Request ids: a mutation with one acts once, however often it is retried.
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Queryable } from "../database.ts";
import { type ClaimRow, claimKey, claimKeyInTurn, keepAnswer, readClaim } from "./statements.ts";

export type { ClaimRow } from "./statements.ts";

/** A request id with its caller, method and request. */
export interface RequestKey {
  readonly tenantId: string;
  readonly caller: string;
  readonly method: string;
  readonly key: string;
  /** Identifies the request: a retry must have the same. */
  readonly fingerprint: Uint8Array;
}

/**
 * Claims the key in the transaction of the effect. `undefined`: this is the first call. Otherwise the row of the first
 * call. Throws REQUEST_IN_PROGRESS while another call with the key runs.
 */
export async function claim(tx: Queryable, request: RequestKey): Promise<ClaimRow | undefined> {
  return claimBy(claimKey, tx, request);
}

/**
 * The same, but waits while another call with the key runs: only for transactions that are a few statements, because
 * each that waits has a connection.
 */
export async function claimInTurn(tx: Queryable, request: RequestKey): Promise<ClaimRow | undefined> {
  return claimBy(claimKeyInTurn, tx, request);
}

async function claimBy(statement: typeof claimKey, tx: Queryable, request: RequestKey) {
  const [row] = await tx.query(statement, [...keyOf(request), request.fingerprint]);
  if (row === undefined) throw requestInProgress();
  if (row.claimed) return undefined;
  const first = await findFirstCall(tx, request);
  // It existed a moment ago and has just expired: treated as running.
  if (first === undefined) throw requestInProgress();
  return first;
}

/** The row of a completed first call with this key, if any. Throws REQUEST_ID_REUSED for another request. */
export async function findFirstCall(on: Queryable, request: RequestKey): Promise<ClaimRow | undefined> {
  const [row] = await on.query(readClaim, keyOf(request));
  if (row === undefined || row.fingerprint.equals(request.fingerprint)) return row;
  throw new DomainError(
    ErrorReason.REQUEST_ID_REUSED,
    "request_id: it was used before with another request; take a new one for each request",
    { violations: [{ field: "request_id", description: "was used before with another request", rule: "request_id" }] },
  );
}

/** Stores the response for retries, in the transaction of the effect, until its conversation is purged. */
export async function keep(
  tx: Queryable,
  request: RequestKey,
  answer: Uint8Array,
  conversationId: string | undefined,
): Promise<void> {
  await tx.query(keepAnswer, [...keyOf(request), answer, conversationId ?? null]);
}

/** The response of the first call. Throws NOT_FOUND if its conversation has been purged since. */
export function firstResponse({ answer }: ClaimRow): Uint8Array {
  if (answer === null) throw notFound("conversation");
  return answer;
}

export function requestInProgress(): DomainError {
  return new DomainError(ErrorReason.REQUEST_IN_PROGRESS, "a call with this request_id is still running", {
    retryAfterMs: 100,
  });
}

function keyOf({ tenantId, caller, method, key }: RequestKey): [string, string, string, string] {
  return [tenantId, caller, method, key];
}
