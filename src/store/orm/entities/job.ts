// Jobs, and what is known of what was erased.
import { defineEntity, p } from "@mikro-orm/core";

export const JobEntity = defineEntity({
  name: "Job",
  tableName: "job",
  properties: {
    tenantId: p.uuid().primary(),
    id: p.uuid().primary(),
    /** 1 erases a member. */
    kind: p.smallint(),
    /** 1 waits, 2 runs, 3 succeeded, 4 was cancelled. */
    state: p.smallint(),
    /** The member's id, until the job ends. */
    subject: p.text().nullable(),
    subjectHash: p.blob(),
    /** 1 all conversations, 2 those that changed since, 3 all again. */
    round: p.smallint().default(1),
    /** The conversation up to which the round has come. */
    place: p.uuid().nullable(),
    looked: p.bigint().defaultRaw("0"),
    total: p.bigint().defaultRaw("0"),
    held: p.bigint().defaultRaw("0"),
    counts: p.json<Record<string, number>>().defaultRaw("'{}'"),
    failure: p.text().default(""),
    creator: p.text(),
    createTime: p.datetime(3),
    /** When it goes on; moved ahead by the server that works on it. */
    nextTime: p.datetime(3).nullable(),
    endTime: p.datetime(3).nullable(),
  },
});

export const ErasedEntity = defineEntity({
  name: "Erased",
  tableName: "erased",
  properties: {
    tenantId: p.uuid().primary(),
    /** A keyed hash of the id of a member, or of a conversation. */
    hash: p.blob().primary(),
    createTime: p.datetime(3),
  },
});
