// Messages and their revisions.
import type { JsonObject } from "@bufbuild/protobuf";
import { defineEntity, p } from "@mikro-orm/core";

export const MessageEntity = defineEntity({
  name: "Message",
  tableName: "message",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    /** The number in the conversation's log. */
    seq: p.bigint().primary(),
    id: p.uuid(),
    role: p.smallint(),
    sender: p.text(),
    content: p.text(),
    metadata: p.json<JsonObject>().nullable(),
    state: p.smallint().default(1),
    clientTime: p.datetime(3).nullable(),
    createTime: p.datetime(3).defaultRaw("now()"),
    editTime: p.datetime(3).nullable(),
    deleteTime: p.datetime(3).nullable(),
    revision: p.integer().default(0),
    version: p.integer().default(1),
    /** Null: a message. */
    kind: p.smallint().nullable(),
    /** JSON, as text. */
    parts: p.text().nullable(),
    /** Unique in the conversation. */
    clientId: p.text().nullable(),
    /** Null: it was written in no turn. */
    turnId: p.uuid().nullable(),
    step: p.smallint().nullable(),
    /** The message that it follows, as given when it was sent. */
    parentId: p.uuid().nullable(),
    /** The message that it replies to, as given. */
    replyTo: p.uuid().nullable(),
    /** The ids of members, as given. */
    mentions: p.json<string[]>().nullable(),
    /** Whether something is counted of it, such as reactions. */
    tallied: p.boolean().nullable(),
    /** The name under which it was sent, beside its sender. */
    senderName: p.text().nullable(),
  },
});

export const MessageRevisionEntity = defineEntity({
  name: "MessageRevision",
  tableName: "message_revision",
  properties: {
    tenantId: p.uuid().primary(),
    conversationId: p.uuid().primary(),
    seq: p.bigint().primary(),
    revision: p.integer().primary(),
    role: p.smallint(),
    content: p.text(),
    metadata: p.json<JsonObject>().nullable(),
    clientTime: p.datetime(3).nullable(),
    createTime: p.datetime(3),
    editor: p.text(),
    parts: p.text().nullable(),
  },
});
