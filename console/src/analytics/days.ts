// The days of the tenant's activity, as tables and charts need them.
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { DailyActivity } from "../../../gen/colloquy/v1/analytics_pb.ts";
import { analyticsText } from "../strings/analytics.ts";
import { LOCALES } from "../ui/locale.ts";
import { toCsv } from "./csv.ts";

const words = analyticsText;
const format = new Intl.DateTimeFormat(LOCALES, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** `2026-11-30`: days are those of UTC. */
export function dayOf({ startTime }: DailyActivity): string {
  return startTime === undefined ? "" : timestampDate(startTime).toISOString().slice(0, 10);
}

export function dayInWords({ startTime }: DailyActivity): string {
  return startTime === undefined ? "" : format.format(timestampDate(startTime));
}

export function tokensOf({ usage }: DailyActivity): bigint {
  return usage === undefined ? 0n : usage.inputTokens + usage.outputTokens;
}

export function daysAsCsv(days: readonly DailyActivity[]): string {
  const head = [words.day, words.newConversations, words.sentMessages, words.input, words.cached, words.output];
  return toCsv(
    head,
    days.map((day) => [
      dayOf(day),
      day.conversationCount,
      day.messageCount,
      day.usage?.inputTokens ?? 0n,
      day.usage?.cachedTokens ?? 0n,
      day.usage?.outputTokens ?? 0n,
    ]),
  );
}
