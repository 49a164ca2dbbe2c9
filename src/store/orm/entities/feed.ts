// The feed of a tenant: the changes of all its conversations in one order.
import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

export const FeedStateEntity = defineEntity({
  name: "FeedState",
  tableName: "feed_state",
  properties: {
    tenantId: p.uuid().primary(),
    /** The last row that was added. */
    position: p.bigint().defaultRaw("1"),
    /** Rows up to this position were deleted. */
    trimmed: p.bigint().defaultRaw("0"),
  },
});

export const FeedHeadEntity = defineEntity({
  name: "FeedHead",
  tableName: "feed_head",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** How much of the log is in the feed. */
    seq: p.bigint(),
  },
});

export const FeedEntity = defineEntity({
  name: "Feed",
  tableName: "feed",
  properties: {
    tenantId: p.uuid().primary(),
    position: p.bigint().primary(),
    /** Null: the row is a notice. */
    conversationId: p.uuid().nullable(),
    /** The row stands for the log entries after this one … */
    afterSeq: p.bigint(),
    /** … and up to this one. */
    seq: p.bigint(),
    createTime: p.datetime(3).defaultRaw("now()"),
    /** What the row tells by itself; see store/feed/notices.ts. */
    notice: p.json<JsonObject>().nullable(),
  },
});

/** Notices that are not in the feed yet. */
export const FeedNoticeEntity = defineEntity({
  name: "FeedNotice",
  tableName: "feed_notice",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    notice: p.json<JsonObject>(),
  },
});
