// Conversations, their labels, participants, and the entries of the log that are not messages.
import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

export const ConversationEntity = defineEntity({
  name: "Conversation",
  tableName: "conversation",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** Unique in the tenant; assigned when a client asks for numbers instead of ids. */
    number: p.bigint().nullable(),
    title: p.text().default(""),
    status: p.smallint().default(1),
    ownerId: p.text().nullable(),
    creator: p.text(),
    agent: p.text().default(""),
    mode: p.text().default(""),
    callType: p.smallint().default(0),
    entityType: p.text().default(""),
    entityId: p.text().default(""),
    pinned: p.boolean().default(false),
    labels: p.json<Record<string, string>>().nullable(),
    metadata: p.json<JsonObject>().nullable(),
    persona: p.json<JsonObject>().nullable(),
    profileInfo: p.json<JsonObject>().nullable(),
    maxContextLength: p.integer().default(20),
    participantCount: p.integer().default(0),
    /** The number of the last log entry; the next one is assigned in the transaction that adds it. */
    lastSeq: p.bigint().defaultRaw("0"),
    messageCount: p.bigint().defaultRaw("0"),
    lastMessageTime: p.datetime(3).nullable(),
    /** Incremented when the conversation itself changes. */
    version: p.integer().default(1),
    createTime: p.datetime(3).defaultRaw("now()"),
    /** The latest activity, by which lists are sorted; see docs/decisions/0052. */
    updateTime: p.datetime(3).defaultRaw("now()"),
    /** When an entry came last that is no activity; null: none since there is this column. */
    markTime: p.datetime(3).nullable(),
    deleteTime: p.datetime(3).nullable(),
    purgeTime: p.datetime(3).nullable(),
    /** When its content was erased first, while its skeleton stayed. */
    contentEraseTime: p.datetime(3).nullable(),
    /** The end of its log when its content was erased last. */
    contentEraseSeq: p.bigint().nullable(),
    /** Unique among the conversations of the owner. */
    clientId: p.text().nullable(),
    /** The hash of the request that created one with a client id. */
    createHash: p.blob().nullable(),
    /** Whether its live path is in live_segment; otherwise it is the whole log. */
    segmented: p.boolean().default(false),
    /** The conversation that it was forked from, and where. */
    originId: p.uuid().nullable(),
    originSeq: p.bigint().nullable(),
    /** Made for a turn that named none; lists leave it out. */
    unlisted: p.boolean().default(false),
    /** Whether a message mentions somebody. */
    mentioned: p.boolean().default(false),
    /** What agents and front ends share, JSON as text. */
    stateJson: p.text().nullable(),
  },
});

/** A label of a conversation, as its own column says it: lists by labels find it here. */
export const ConversationLabelEntity = defineEntity({
  name: "ConversationLabel",
  tableName: "conversation_label",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    name: p.text().primary(),
    value: p.text(),
    /** When the conversation was created, which never changes. */
    conversationTime: p.datetime(3),
  },
});

export const ParticipantEntity = defineEntity({
  name: "Participant",
  tableName: "participant",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    memberId: p.text().primary(),
    joinSeq: p.bigint(),
    joinTime: p.datetime(3).defaultRaw("now()"),
    readSeq: p.bigint().defaultRaw("0"),
    /** When the read mark was moved last. */
    readTime: p.datetime(3).nullable(),
    /** See store/conversations/member-view.ts. */
    view: p.json<JsonObject>().nullable(),
    /** The conversation's create time, by which a member's lists are sorted. */
    conversationTime: p.datetime(3).defaultRaw("now()"),
    /** Whether the conversation is listed and another's; triggers set it. */
    counted: p.boolean().default(false),
  },
});

export const EventEntity = defineEntity({
  name: "Event",
  tableName: "event",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    seq: p.bigint().primary(),
    /** See domain/event-type.ts. */
    type: p.smallint(),
    actor: p.text(),
    createTime: p.datetime(3).defaultRaw("now()"),
    data: p.json<JsonObject>().defaultRaw("'{}'"),
  },
});
