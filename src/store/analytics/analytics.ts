// Statistics of tenants and conversations.

import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { firstIdAt } from "../../domain/ids/id.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";

export type { ConversationAnalyticsRow, DayRow, TenantCountsRow, UsageColumn } from "./statements.ts";

/** Statistics of one conversation; undefined if the caller does not see it. One round trip. */
export async function measureConversation(
  on: Queryable,
  caller: Caller,
  id: string,
  signal?: Interrupt,
): Promise<sql.ConversationAnalyticsRow | undefined> {
  const values = [caller.tenantId, caller.memberId, id];
  return (await on.query(sql.conversationAnalytics[caller.viewer.kind], values, signal))[0];
}

export async function countTenant(on: Queryable, tenantId: string, signal?: Interrupt): Promise<sql.TenantCountsRow> {
  const [row] = await on.query(sql.tenantCounts, [tenantId], signal);
  if (row === undefined) throw new Error("a count gave no row");
  return row;
}

/**
 * New messages and conversations of each day; `days` are the starts of consecutive days, in milliseconds since 1970.
 */
export function countDays(
  on: Queryable,
  tenantId: string,
  days: readonly number[],
  dayMs: number,
  signal?: Interrupt,
): Promise<sql.DayRow[]> {
  const starts = days.map((day) => new Date(day));
  const ends = days.map((day) => new Date(day + dayMs));
  const ids = [starts, ends].map((times) => times.map((time) => firstIdAt(time.getTime())));
  return on.query(sql.dailyActivity, [tenantId, starts, ends, ...ids], signal);
}
