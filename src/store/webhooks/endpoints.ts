// Reads and changes webhook endpoints.
import type { WebhookState } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./endpoint-statements.ts";

export {
  type EndpointRow,
  type EndpointValues,
  type EndpointWithProgress,
  MAX_ENDPOINTS,
  type ProgressRow,
} from "./endpoint-statements.ts";

/** Where an endpoint begins. */
export interface StartPlace {
  /** The place in the feed. */
  readonly position: bigint;
  readonly seq: bigint;
  /** Whether what comes before it is sent first. */
  readonly replay: boolean;
  /** Of the replay: the time from which on. Undefined: everything. */
  readonly since?: Date | undefined;
}

/** False: the tenant has too many. */
export async function insertEndpoint(
  tx: Queryable,
  tenantId: string,
  id: string,
  values: sql.EndpointValues,
  secret: Buffer,
  { position, seq, replay, since }: StartPlace,
): Promise<boolean> {
  const rows = await tx.query(sql.insertEndpoint, [tenantId, id, ...sql.endpointParameters(values), secret]);
  if (rows.length === 0) return false;
  await tx.query(sql.insertProgress, [tenantId, id, position, seq, replay ? REPLAY_START : null, since ?? null]);
  return true;
}

/** The place in a replay before every conversation. */
export const REPLAY_START = "";

export async function findEndpoint(
  on: Queryable,
  tenantId: string,
  id: string,
  signal?: Interrupt,
): Promise<sql.EndpointWithProgress | undefined> {
  return (await on.query(sql.findEndpoint, [tenantId, id], signal))[0];
}

/** The same, locked until the transaction ends. */
export async function lockEndpoint(
  tx: Queryable,
  tenantId: string,
  id: string,
): Promise<sql.EndpointWithProgress | undefined> {
  return (await tx.query(sql.lockEndpoint, [tenantId, id]))[0];
}

/** A page of endpoints, by id, which is the order of creation. */
export function listEndpoints(
  on: Queryable,
  tenantId: string,
  after: string | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<sql.EndpointWithProgress[]> {
  return on.query(sql.listEndpoints, [tenantId, limit, after ?? null], signal);
}

/** Replaces the values of a locked endpoint. */
export async function updateEndpoint(tx: Queryable, tenantId: string, id: string, values: sql.EndpointValues) {
  await tx.query(sql.updateEndpoint, [tenantId, id, ...sql.endpointParameters(values)]);
}

export async function setState(tx: Queryable, tenantId: string, id: string, state: WebhookState, reason = "") {
  await tx.query(sql.setState, [tenantId, id, state, reason]);
}

/** The secret so far signs too for `overlapMs` milliseconds. */
export async function rotateSecret(tx: Queryable, tenantId: string, id: string, secret: Buffer, overlapMs: number) {
  await tx.query(sql.rotateSecret, [tenantId, id, secret, overlapMs]);
}

/**
 * Takes a locked endpoint from the server that delivers. That server still writes how far it came, unless the progress
 * was `moved`, or what failed is forgotten because the endpoint is `resumed`.
 */
export async function releaseEndpoint(
  tx: Queryable,
  tenantId: string,
  id: string,
  change?: "moved" | "resumed",
): Promise<void> {
  await tx.query(sql.releaseEndpoint, [tenantId, id, change === "moved", change === "resumed"]);
}

/** Puts a locked endpoint's cursor to an earlier place. */
export async function moveCursor(tx: Queryable, tenantId: string, id: string, position: bigint, seq: bigint) {
  await tx.query(sql.moveCursor, [tenantId, id, position, seq]);
}

/** From now on a locked endpoint first gets what comes before its cursor, from a time on or all of it. */
export async function beginReplay(tx: Queryable, tenantId: string, id: string, since: Date | undefined) {
  await tx.query(sql.beginReplay, [tenantId, id, REPLAY_START, since ?? null]);
}

export async function deleteEndpoint(tx: Queryable, tenantId: string, id: string): Promise<void> {
  await tx.query(sql.deleteEndpoint, [tenantId, id]);
}
