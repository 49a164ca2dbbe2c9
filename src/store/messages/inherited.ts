// Reads the messages that a fork inherits, as they were at the fork.
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { pathRows } from "../branches/path.ts";
import type { Queryable, Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { isOfKinds, type MessageRow, messageColumns } from "./columns.ts";

/**
 * The messages that a fork inherits, on its live path, as they were at the fork, oldest first. $1 tenant, $2
 * conversation,
 * $3 after seq, $4 limit, $5 kinds.
 */
const inheritedAfter: Statement<MessageRow> = {
  name: "message_inherited_after",
  maxBytes: PAGE_BYTES,
  text: `
  select ${messageColumns} from conversation c cross join lateral (${pathRows({
    conversation: "c",
    segments: `select s.from_seq, s.to_seq, s.source_id, s.as_of from live_segment s
      where s.tenant_id = $1 and s.conversation_id = $2::uuid and s.source_id <> $2::uuid`,
    after: "$3::bigint",
    where: `l.delete_time is null and ${isOfKinds("l", "$5")}`,
    newestFirst: false,
    limit: "$4",
  })}) m
  where c.tenant_id = $1 and c.id = $2::uuid order by m.seq`,
};

/** The next messages that a locked conversation inherits as a fork. */
export function readInheritedAfter(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  after: bigint,
  limit: number,
  kinds: readonly MessageKind[],
): Promise<MessageRow[]> {
  return tx.query(inheritedAfter, [caller.tenantId, conversationId, after, limit, kinds]);
}
