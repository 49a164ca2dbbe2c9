// Reactions to messages, and their counts.
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
