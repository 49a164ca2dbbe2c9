// The live path of a conversation, for statements that read its messages. `$1` is the tenant everywhere.
import { messageColumns } from "../messages/columns.ts";

/** The columns of message `l`. */
const columns = `${messageColumns}, m.tallied`.replaceAll("m.", "l.");

/** Those that an edit changes: of an inherited message they are what they were at the fork. */
const edited = ["role", "content", "metadata", "client_time", "parts", "revision"];

/** The same of message `l` as it was when `o`, a revision or nothing, was in force. */
const columnsThen = columns.replaceAll(/l\.(\w+)/g, (column, name: string) => {
  if (edited.includes(name)) return `case when o.revision is null then ${column} else o.${name} end as ${name}`;
  return name === "edit_time"
    ? `case when o.revision is null then ${column} when o.revision > 0 then o.create_time end as edit_time`
    : column;
});

/** Whether the live path of conversation `id` has message `m`. Only for one that has segments. */
const inSegments = (
  m: string,
  id: string,
) => `coalesce((select s.to_seq >= ${m}.seq and s.source_id = ${m}.conversation_id
      from live_segment s where s.tenant_id = $1 and s.conversation_id = ${id} and s.from_seq <= ${m}.seq
      order by s.from_seq desc limit 1), false)`;

/** A condition on message `m` of conversation `c`: it is on the live path. */
export function onPath(m: string): string {
  return `(not c.segmented or ${inSegments(m, "c.id")})`;
}

/** The same where there is no row of the conversation, but its id. */
export function onPathOf(m: string, id: string): string {
  return `((select not p.segmented from conversation p where p.tenant_id = $1 and p.id = ${id}) or ${inSegments(m, id)})`;
}

/** The messages of a path. */
export interface PathRows {
  /** Row with the conversation's `id` and `segmented`. */
  readonly conversation: string;
  readonly after: string;
  readonly before?: string;
  /** A condition on message `l`. */
  readonly where: string;
  readonly newestFirst: boolean;
  /** How many, as an expression. */
  readonly limit: string;
  readonly skip?: string;
  /**
   * Segments other than the live ones: a query of from_seq, to_seq, source_id and as_of. `none`: nothing of a segmented
   * one.
   */
  readonly segments?: string | "none";
}

const within = ({ after, before, where }: PathRows) =>
  `l.seq > ${after}${before === undefined ? "" : ` and l.seq < ${before}`} and ${where}`;

/** The stretches of a path between the places, and the messages `l` of each; what the origin has deleted is gone. */
const segmentsOf = (rows: PathRows) => {
  const { conversation: c, after, before, segments } = rows;
  const stored = `select s.from_seq, s.to_seq, s.source_id, s.as_of from live_segment s
        where s.tenant_id = $1 and s.conversation_id = ${c}.id and ${c}.segmented`;
  return `select s.* from (${segments ?? stored}) s
      where s.to_seq > ${after}${before === undefined ? "" : ` and s.from_seq < ${before}`}
        and (s.source_id = ${c}.id or (select q.delete_time is null from conversation q
          where q.tenant_id = $1 and q.id = s.source_id))`;
};

/**
 * A query of messages of a path in order, with their columns. A conversation without segments is read as a stretch of
 * one index; otherwise the segments are read one after the other, as far as the limit needs. The nested loop keeps
 * their order: the messages of a segment, with a limit of their own, can be joined in no other way.
 */
export function pathRows(rows: PathRows): string {
  const { conversation: c, newestFirst, limit, skip } = rows;
  const direction = newestFirst ? "desc" : "asc";
  const page = `limit ${limit}${skip === undefined ? "" : ` offset ${skip}`}`;
  const stretch = `select ${columns} from message l
      where l.tenant_id = $1 and l.conversation_id = ${c}.id and not ${c}.segmented and ${within(rows)}
      order by l.seq ${direction} ${page}`;
  if (rows.segments === "none") return stretch;
  const bySegments = `select * from (
      select ${columnsThen} from (${segmentsOf(rows)} order by s.from_seq ${direction}) s
      cross join lateral (
        select * from message l
        where l.tenant_id = $1 and l.conversation_id = s.source_id and l.seq >= s.from_seq and l.seq <= s.to_seq
          and (s.source_id = ${c}.id or l.delete_time is null) and ${within(rows)}
        order by l.seq ${direction} limit ${limit}${skip === undefined ? "" : ` + ${skip}`}
      ) l
      left join lateral (
        select r.role, r.content, r.metadata, r.client_time, r.parts, r.revision, r.create_time from message_revision r
        where l.edit_time > s.as_of and r.tenant_id = $1 and r.conversation_id = l.conversation_id and r.seq = l.seq
          and r.create_time <= s.as_of
        order by r.revision desc limit 1
      ) o on true
      ${page}
    ) p order by p.seq ${direction}`;
  if (rows.segments !== undefined) return bySegments;
  return `select * from (
    (${stretch})
    union all
    (${bySegments})
  ) u order by u.seq ${direction} limit ${limit}`;
}

/** The number of messages of a path, as an expression. */
export function pathCount(rows: Omit<PathRows, "newestFirst" | "limit" | "skip">): string {
  const all = { ...rows, newestFirst: false, limit: "" };
  const counted = `(select count(*) from (${segmentsOf(all)}) s join message l on l.tenant_id = $1
      and l.conversation_id = s.source_id and l.seq >= s.from_seq and l.seq <= s.to_seq
      where (s.source_id = ${rows.conversation}.id or l.delete_time is null) and ${within(all)})`;
  if (rows.segments !== undefined) return counted;
  return `(select count(*) from message l where l.tenant_id = $1 and l.conversation_id = ${rows.conversation}.id
      and not ${rows.conversation}.segmented and ${within(all)}) + ${counted}`;
}
