// Reads what there is of one member for its export, in pages of bounded size.
import type { Queryable, Statement } from "../database.ts";
import { areCut } from "../driver/row-budget.ts";
import * as sql from "./member-statements.ts";

export type { EntryRow as AuditRow } from "../audit/chain-statements.ts";
export type { MemberTurnRow } from "./member-statements.ts";

const PAGE = 200;

/** Where it is read: the member's part in one conversation. */
export interface MemberPlace {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly memberId: string;
}

const valuesOf = ({ tenantId, conversationId, memberId }: MemberPlace) => [tenantId, conversationId, memberId];

export const memberMessages = (on: Queryable, place: MemberPlace) =>
  paged(on, sql.memberMessages, valuesOf(place), [0n], ({ seq }) => [seq]);

export const memberEvents = (on: Queryable, place: MemberPlace) =>
  paged(on, sql.memberEvents, valuesOf(place), [0n], ({ seq }) => [seq]);

export const memberTurns = (on: Queryable, place: MemberPlace) =>
  paged(on, sql.memberTurns, valuesOf(place), [null], ({ id }) => [id]);

export const memberReactions = (on: Queryable, place: MemberPlace) =>
  paged(on, sql.memberReactions, valuesOf(place), [0n, ""], ({ seq, name }) => [seq, name]);

export const memberFiles = (on: Queryable, tenantId: string, memberId: string) =>
  paged(on, sql.memberFiles, [tenantId, memberId], [null], ({ id }) => [id]);

export const memberAudit = (on: Queryable, tenantId: string, memberId: string) =>
  paged(on, sql.memberAudit, [tenantId, memberId], [null], ({ id }) => [id]);

/** The member as a participant, what it has not sent, and what it will send. */
export async function memberRest(on: Queryable, place: MemberPlace) {
  const values = valuesOf(place);
  return {
    parts: await on.query(sql.memberPart, values),
    drafts: await on.query(sql.memberDraft, values),
    scheduled: await on.query(sql.memberScheduled, values),
  };
}

/** Undefined: it was never here. */
export async function memberPresence(on: Queryable, tenantId: string, memberId: string) {
  return (await on.query(sql.memberPresence, [tenantId, memberId]))[0];
}

async function* paged<Row extends object>(
  on: Queryable,
  statement: Statement<Row>,
  values: readonly unknown[],
  first: readonly unknown[],
  keyOf: (row: Row) => readonly unknown[],
): AsyncGenerator<Row, void> {
  for (let after = first; ; ) {
    const rows: Row[] = await on.query(statement, [...values, ...after, PAGE]);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || (rows.length < PAGE && !areCut(rows))) return;
    after = keyOf(last);
  }
}
