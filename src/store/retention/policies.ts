// Keeps retention policies, and finds the conversations that one is about.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { PolicyRow, RunRow } from "./statements.ts";

/** What decides which conversations a policy is about. */
export type Rule = Omit<sql.PolicyRow, "name" | "next_run_time" | "creator" | "create_time">;

const ruleValues = (rule: Rule) => [
  ...[rule.id, rule.priority, rule.action, rule.basis, rule.age_days, rule.entity_type, rule.mode, rule.call_type],
  ...[rule.agent, rule.status, rule.labels && JSON.stringify(rule.labels), rule.owner_role],
];

/** Undefined: the tenant has `most` already. */
export async function insertPolicy(
  tx: Queryable,
  tenantId: string,
  policy: Omit<sql.PolicyRow, "create_time">,
  most: number,
): Promise<sql.PolicyRow | undefined> {
  await tx.query(sql.lockPolicies, [tenantId]);
  const { id, name, next_run_time: next, creator } = policy;
  const [, ...rule] = ruleValues(policy);
  return (await tx.query(sql.insertPolicy, [tenantId, id, most, name, ...rule, next, creator]))[0];
}

export async function readPolicy(
  on: Queryable,
  tenantId: string,
  id: string,
  signal?: Interrupt,
): Promise<sql.PolicyRow | undefined> {
  return (await on.query(sql.getPolicy, [tenantId, id], signal))[0];
}

/**
 * A page of policies, in the order in which they decide.
 *
 * @param after the priority and the id of the last one of the page before
 */
export function listPolicies(
  on: Queryable,
  tenantId: string,
  after: readonly string[] | undefined,
  limit: number,
  signal?: Interrupt,
): Promise<sql.PolicyRow[]> {
  const [priority, id] = after ?? [];
  const values = [tenantId, priority === undefined ? null : Number(priority), id ?? null, limit];
  return on.query(sql.listPolicies, values, signal);
}

/** The name of the policy that was deleted; undefined: there is none. */
export async function deletePolicy(tx: Queryable, tenantId: string, id: string): Promise<string | undefined> {
  return (await tx.query(sql.deletePolicy, [tenantId, id]))[0]?.name;
}

/** How many conversations one statement looks at. */
const WINDOW = 2_000;
/** Of how many conversations one statement reads the logs. */
const LOGS = 100;
const FIRST = "00000000-0000-0000-0000-000000000000";

/** Those of some conversations that a rule is about now, oldest first. */
export interface DueWindow {
  /** The last conversation that was looked at. */
  readonly lastId: string;
  /** Those that no legal hold keeps. */
  readonly due: readonly string[];
  /** Number of their messages. */
  readonly messages: bigint;
  /** Those that a legal hold keeps. */
  readonly held: readonly string[];
}

/** Looks at all conversations of a tenant after `after`, some at a time, oldest first. */
export async function* windowsOf(
  on: Queryable,
  tenantId: string,
  rule: Rule,
  after: string | null,
  signal?: Interrupt,
): AsyncGenerator<DueWindow> {
  let at = after ?? FIRST;
  for (;;) {
    const [row] = await on.query(sql.nextWindow, [tenantId, at, ...ruleValues(rule), WINDOW], signal);
    if (!row?.last_id) return;
    at = row.last_id;
    const kept = row.by_member ? await heldByLog(on, tenantId, row.due ?? [], signal) : [];
    const ids = new Set(kept.map(({ id }) => id));
    yield {
      lastId: at,
      due: (row.due ?? []).filter((id) => !ids.has(id)).toSorted(),
      messages: kept.reduce((left, { messages }) => left - messages, row.messages),
      held: [...(row.held ?? []), ...ids].toSorted(),
    };
    if (row.looked < WINDOW) return;
  }
}

async function heldByLog(on: Queryable, tenantId: string, due: readonly string[], signal?: Interrupt) {
  const kept: { id: string; messages: bigint }[] = [];
  for (let at = 0; at < due.length; at += LOGS) {
    kept.push(...(await on.query(sql.heldByLog, [tenantId, due.slice(at, at + LOGS)], signal)));
  }
  return kept;
}

/** Somebody else has locked the conversation. */
export class ConversationLocked extends Error {
  override readonly name = "ConversationLocked";
}

/** Locks a conversation. False: the rule is not about it any more. Throws ConversationLocked. */
export async function lockDue(tx: Queryable, tenantId: string, id: string, rule: Rule): Promise<boolean> {
  const values = [tenantId, id, ...ruleValues(rule)];
  if ((await tx.query(sql.lockDue, values)).length > 0) return true;
  if ((await tx.query(sql.isDue, values)).length > 0) throw new ConversationLocked();
  return false;
}
