// The columns of conversations, for all statements.
import type { JsonObject } from "@bufbuild/protobuf";
import type { CallType, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { onPath } from "../branches/path.ts";
import type { StoredView } from "./member-view.ts";
import { inOrder } from "./participant-statements.ts";

/** A conversation as a caller sees it. */
export interface ConversationRow {
  readonly id: string;
  readonly number: bigint | null;
  readonly title: string;
  readonly status: ConversationStatus;
  readonly owner_id: string | null;
  readonly creator: string;
  readonly agent: string;
  readonly mode: string;
  readonly call_type: CallType;
  readonly entity_type: string;
  readonly entity_id: string;
  readonly pinned: boolean;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly metadata: JsonObject | null;
  readonly persona: JsonObject | null;
  readonly profile_info: JsonObject | null;
  readonly max_context_length: number;
  readonly participant_count: number;
  readonly last_seq: bigint;
  readonly message_count: bigint;
  readonly last_message_time: Date | null;
  readonly version: number;
  readonly create_time: Date;
  readonly update_time: Date;
  readonly delete_time: Date | null;
  readonly purge_time: Date | null;
  readonly client_id: string | null;
  /** Whether it has branches, or inherits. */
  readonly segmented: boolean;
  /** Where it was forked from; null: it is no fork. */
  readonly origin_id: string | null;
  readonly origin_seq: bigint | null;
  /** The first 100, in the order in which they joined: member id, milliseconds since 1970, read_seq. */
  readonly participants: ReadonlyArray<readonly [memberId: string, joinTime: number, readSeq: number]> | null;
  readonly is_owner: boolean;
  readonly owned_by_lead: boolean;
  /** Null: the caller is not a participant. */
  readonly read_seq: bigint | null;
  /** The caller's own view; null: nothing is set, or it takes no part. */
  readonly view: StoredView | null;
  readonly read_time: Date | null;
  readonly unread_count: number;
  /** Null: none. */
  readonly unread_mention_count: number | null;
  /** JSON as text. Undefined: it was not read, as in lists. */
  readonly state_json?: string | null;
  /** Whether lists leave it out. Undefined: it was not read. */
  readonly unlisted?: boolean;
}

/** Maximum unread count, and the number of latest messages that are searched for unread ones. */
const UNREAD_CAP = 1000;
const UNREAD_WITHIN = 10_000;

/** The columns of conversation `c` for the caller `$2`, who may be null. Goes with {@link conversationJoins}. */
export const conversationColumns = `
  c.id, c.number, c.title, c.status, c.owner_id, c.creator, c.agent, c.mode, c.call_type, c.entity_type, c.entity_id,
  c.pinned, c.labels, c.metadata, c.persona, c.profile_info, c.max_context_length, c.participant_count, c.last_seq,
  c.message_count, c.last_message_time, c.version, c.create_time, c.update_time, c.delete_time, c.purge_time, c.client_id, c.segmented, c.origin_id, c.origin_seq,
  first.participants, (c.owner_id = $2::text) is true as is_owner,
  (select o.role = 1 from member o where o.tenant_id = $1 and o.id = c.owner_id) is true as owned_by_lead, me.read_seq,
  me.view, me.read_time,
  unread.count as unread_count,
  case when c.mentioned then (
    select count(*)::integer from (
      select from mention n
      join message u on u.tenant_id = $1 and u.conversation_id = n.conversation_id and u.seq = n.seq
      where n.tenant_id = $1 and n.conversation_id = me.conversation_id and n.member_id = me.member_id
        and n.seq > me.read_seq and u.delete_time is null and ${onPath("u")}
      limit ${UNREAD_CAP}
    ) n
  ) end as unread_mention_count`;

/** What only one that is read alone has, or one that is exported. */
export const wholeColumns = "c.state_json, c.unlisted";

/**
 * `first`: those who take part; `me`: the caller's own part; `unread`: what it has not read. `$1` is the tenant. `limit
 * 1` is an optimization fence: the part is looked up, instead of being searched among all those of the caller.
 */
export const conversationJoins = `
  left join lateral (
    select p.conversation_id, p.member_id, p.read_seq, p.view, p.read_time from participant p
    where p.tenant_id = $1 and p.conversation_id = c.id and p.member_id = coalesce($2::text, '') limit 1
  ) me on true
  left join lateral (
    select jsonb_agg(jsonb_build_array(p.member_id, (extract(epoch from p.join_time) * 1000)::bigint, p.read_seq)
      order by p.join_seq, p.member_id) as participants
    from (
      select p.member_id, p.join_time, p.join_seq, p.read_seq from participant p
      where p.tenant_id = $1 and p.conversation_id = c.id and ${inOrder("p")}
      order by p.join_seq, p.member_id limit 100
    ) p
  ) first on true
  left join lateral (
    select count(*)::integer as count from (
      select from (
        select u.conversation_id, u.seq, u.sender, u.delete_time, u.kind from message u
        where u.tenant_id = $1 and u.conversation_id = me.conversation_id and u.seq > me.read_seq
        order by u.seq desc limit ${UNREAD_WITHIN}
      ) u
      where u.delete_time is null and u.kind is null and u.sender <> me.member_id and ${onPath("u")}
      limit ${UNREAD_CAP}
    ) u
  ) unread on true`;
