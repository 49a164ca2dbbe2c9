// Reads what the store holds of some conversations, by SQL of its own: nothing of the server takes part.
import { administer } from "../../support/postgres/postgres.ts";

/** A conversation as the tables have it. */
export interface StoredLog {
  readonly conversationId: string;
  readonly lastSeq: bigint;
  readonly messageCount: bigint;
  readonly messages: readonly {
    readonly seq: bigint;
    readonly id: string;
    readonly text: string;
    readonly deleted: boolean;
  }[];
  /** The places of all other entries. */
  readonly eventSeqs: readonly bigint[];
}

/** A request id that is taken. */
export interface StoredClaim {
  readonly key: string;
  /** How many messages it stands for, and how many of those there are. */
  readonly messages: number;
  readonly found: number;
  /** Whether it holds an answer. */
  readonly answered: boolean;
}

export interface Stored {
  readonly logs: readonly StoredLog[];
  readonly claims: readonly StoredClaim[];
}

/** @param url of the database itself, not of a proxy */
export async function readStored(url: string, tenantId: string): Promise<Stored> {
  const rows = (sql: string) => administer(url, sql, [tenantId]);
  const conversations = await rows(
    "select id, last_seq::text, message_count::text from conversation where tenant_id = $1 order by id",
  );
  const messages = await rows(
    `select m.conversation_id, m.seq::text, m.id, m.content, m.delete_time is not null as deleted from message m
     where m.tenant_id = $1 order by m.conversation_id, m.seq`,
  );
  const events = await rows(
    "select e.conversation_id, e.seq::text from event e where e.tenant_id = $1 order by e.conversation_id, e.seq",
  );
  const claims = await rows(
    `select i.key, coalesce(cardinality(i.message_ids), 0) as messages, i.answer is not null as answered,
       (select count(*)::int from message m where m.tenant_id = $1 and m.id = any (i.message_ids)) as found
     from idempotency i where i.tenant_id = $1`,
  );
  const messagesOf = Map.groupBy(messages, (row) => String(row.conversation_id));
  const eventsOf = Map.groupBy(events, (row) => String(row.conversation_id));
  return {
    logs: conversations.map((row) => ({
      conversationId: String(row.id),
      lastSeq: BigInt(String(row.last_seq)),
      messageCount: BigInt(String(row.message_count)),
      messages: (messagesOf.get(String(row.id)) ?? []).map((message) => ({
        seq: BigInt(String(message.seq)),
        id: String(message.id),
        text: String(message.content),
        deleted: message.deleted === true,
      })),
      eventSeqs: (eventsOf.get(String(row.id)) ?? []).map((event) => BigInt(String(event.seq))),
    })),
    claims: claims.map((row) => ({
      key: String(row.key),
      messages: Number(row.messages),
      found: Number(row.found),
      answered: row.answered === true,
    })),
  };
}
