// Reads the message to which an entry of a tree replies.
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Segment } from "../../domain/branches/runs.ts";
import type { Queryable, Statement } from "../database.ts";
import { isMessage, type MessageRow, messageColumns } from "../messages/columns.ts";
import { segmentColumns, type TreePlace } from "./branches.ts";
import { pathRows } from "./path.ts";

/**
 * The number of the message that an entry's turn replies to, or its own if turns reply to it. $1 tenant, $2
 * conversation,
 * $3 the one whose log the entry is in, $4 the entry's number.
 */
const askedSeq: Statement<{ seq: bigint | null }> = {
  name: "branch_asked_seq",
  text: `
  select coalesce(
    (select t.message_seq from turn t
      where t.tenant_id = $1 and t.id = m.turn_id and t.conversation_id = m.conversation_id),
    case when m.kind is null and exists (select from turn t
      where t.tenant_id = $1 and t.conversation_id = $2::uuid and t.message_seq = m.seq) then m.seq end) as seq
  from message m where m.tenant_id = $1 and m.conversation_id = $3::uuid and m.seq = $4::bigint`,
};

const segments = `select * from unnest($3::bigint[], $4::bigint[], $5::uuid[], $6::timestamptz[])
      as s(from_seq, to_seq, source_id, as_of)`;

/**
 * The last message of a user on a path, or the entry of a number. $1 tenant, $2 conversation, then arrays: first seqs,
 * last seqs, sources, times; $7 the number or null.
 */
const pathMessage: Statement<MessageRow> = {
  name: "branch_path_message",
  text: `
  select ${messageColumns} from conversation c cross join lateral (${pathRows({
    conversation: "c",
    segments,
    after: "coalesce($7::bigint - 1, 0)",
    where: `l.delete_time is null and ($7::bigint is not null or ${isMessage("l")} and l.role = ${MessageRole.USER})`,
    newestFirst: true,
    limit: "1",
  })}) m
  where c.tenant_id = $1 and c.id = $2::uuid`,
};

/** The number of the message that an entry of a source replies to, as its turn says. Null: it is of no turn. */
export async function readAskedSeq(
  on: Queryable,
  { tenantId, id }: TreePlace,
  source: string,
  seq: bigint,
): Promise<bigint | null> {
  return (await on.query(askedSeq, [tenantId, id, source, seq]))[0]?.seq ?? null;
}

/** The last message of a user on a path that is not deleted, or the path's last entry, of a number. */
export async function readPathMessage(
  on: Queryable,
  { tenantId, id }: TreePlace,
  path: readonly Segment[],
  seq: bigint | undefined,
): Promise<MessageRow | undefined> {
  return (await on.query(pathMessage, [tenantId, id, ...segmentColumns(path), seq ?? null]))[0];
}
