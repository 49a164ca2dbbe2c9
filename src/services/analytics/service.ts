// AnalyticsService: statistics of conversations and tenants.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConversationAnalyticsSchema } from "../../../gen/colloquy/v1/analytics_pb.ts";
import { AnalyticsService } from "../../../gen/colloquy/v1/analytics_service_pb.ts";
import type { TurnUsageSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import * as store from "../../store/analytics/analytics.ts";
import type { Database } from "../../store/database.ts";
import { timestampOfMs, toTimestamp } from "../convert.ts";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

export interface AnalyticsServiceOptions {
  readonly database: Database;
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly now?: () => number;
}

export function createAnalyticsService({ database, now = Date.now }: AnalyticsServiceOptions): ServiceEntry {
  return serve(AnalyticsService, {
    async getConversationAnalytics({ conversationId: id }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const row = isOurId(id) ? await store.measureConversation(database, caller, id, interrupt) : undefined;
      if (row === undefined) throw notFound("conversation");
      return { analytics: toAnalytics(id.toLowerCase(), row) };
    },

    async getTenantAnalytics({ dayCount }, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const today = Math.floor(now() / DAY_MS) * DAY_MS;
      const length = dayCount || DEFAULT_DAYS;
      const days = Array.from({ length }, (_, index) => today - (length - 1 - index) * DAY_MS);
      const [counts, activity] = await Promise.all([
        store.countTenant(database, tenantId, interrupt),
        store.countDays(database, tenantId, days, DAY_MS, interrupt),
      ]);
      const { total, active, archived, closed, deleted } = counts;
      return {
        analytics: {
          conversations: { total, active, archived, closed, deleted },
          messageCount: counts.message_count,
          memberCount: counts.member_count,
          days: activity.map((row, index) => ({
            startTime: timestampOfMs(days[index] ?? today),
            conversationCount: row.conversation_count,
            messageCount: row.message_count,
            ...usageOf(row.tokens),
          })),
        },
      };
    },
  });
}

function toAnalytics(
  conversationId: string,
  row: store.ConversationAnalyticsRow,
): MessageInitShape<typeof ConversationAnalyticsSchema> {
  const { first_time: first, last_time: last } = row;
  const firstReplyDelay = toDelay(row.first_reply);
  const medianReplyDelay = toDelay(row.median_reply);
  const p95ReplyDelay = toDelay(row.p95_reply);
  return {
    conversationId,
    messages: {
      total: row.total,
      user: row.user_count,
      assistant: row.assistant_count,
      system: row.system_count,
      tool: row.tool_count,
      deleted: row.deleted_count,
    },
    turnCount: row.turn_count,
    userCharacterCount: row.user_characters,
    assistantCharacterCount: row.assistant_characters,
    ...usageOf(row.tokens),
    ...(first && last
      ? {
          duration: durationFromMs(last.getTime() - first.getTime()),
          firstMessageTime: toTimestamp(first),
          lastMessageTime: toTimestamp(last),
        }
      : {}),
    ...(firstReplyDelay && { firstReplyDelay }),
    ...(medianReplyDelay && { medianReplyDelay }),
    ...(p95ReplyDelay && { p95ReplyDelay }),
  };
}

function usageOf(tokens: store.UsageColumn): { usage?: MessageInitShape<typeof TurnUsageSchema> } {
  if (tokens === null) return {};
  const [inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens] = tokens.map(BigInt);
  return { usage: { inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens } as object };
}

/** Times are kept to the millisecond; what an interpolation adds to that is noise. */
function toDelay(seconds: number | null): Duration | undefined {
  return seconds === null ? undefined : durationFromMs(Math.round(seconds * 1000));
}
