// Reactions to messages and mentions of members, and what is counted of messages.
import { defineEntity, p } from "@mikro-orm/core";

/** What is counted of a message, for its lists. */
export const MessageTallyEntity = defineEntity({
  name: "MessageTally",
  tableName: "message_tally",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** The message's. */
    seq: p.bigint().primary(),
    /** In the order in which they first came. */
    reactions: p.json<[name: string, count: number][]>().defaultRaw("'[]'"),
    /** Without deleted ones. */
    replyCount: p.integer().default(0),
    lastReplyTime: p.datetime(3).nullable(),
  },
});

/** A member that a message of another mentions. */
export const MentionEntity = defineEntity({
  name: "Mention",
  tableName: "mention",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    memberId: p.text().primary(),
    /** The message's. */
    seq: p.bigint().primary(),
    messageId: p.uuid(),
    createTime: p.datetime(3),
  },
});

export const ReactionEntity = defineEntity({
  name: "Reaction",
  tableName: "reaction",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** The message's. */
    seq: p.bigint().primary(),
    actor: p.text().primary(),
    name: p.text().primary(),
    createTime: p.datetime(3),
  },
});
