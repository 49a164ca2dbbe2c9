// In which orders lists of conversations come, and how they go on from page to page.
import { changedSince, type Moment } from "../changed-since.ts";

export type ConversationOrder = "newest" | "oldest" | "activity";

/** Where a page begins. */
export interface ListEdge {
  /** The last conversation of the page before, and its time in the list's order. */
  readonly id: string;
  readonly time: Date;
  /** Of a list by activity: when its first page was read. */
  readonly since?: Moment | undefined;
  /** Of such a list: the page before ended among those that changed since then. */
  readonly late?: boolean;
}

/** How a list continues. */
export interface Order {
  /** Columns of conversation `c` that are needed in addition to its id. */
  readonly columns: string;
  /** A condition on `c` with these columns: it comes after the previous page. */
  readonly edge: string;
  readonly by: string;
  /** The opposite of `by`; undefined for lists by activity. */
  readonly reversed?: string;
  /** The same for participant or label `p` alone, in the order of its index. */
  readonly walkEdge: string;
  readonly walkBy: string;
  readonly late?: true;
  /** Of a list by activity whose page begins among those that have not changed: how it goes on there. */
  readonly activity?: {
    /** A condition on `c`: it comes after the previous page, changed or not. */
    readonly behind: string;
    /** The same for the minute in which it was last active, as far as that is indexed. */
    readonly since: string;
    readonly by: string;
  };
}

export function orderOf(
  { order, after }: { readonly order: ConversationOrder; readonly after?: ListEdge },
  parameter: (value: unknown) => string,
): Order {
  if (order === "activity") return byActivity(after, parameter);
  const [direction, opposite, sign] = order === "newest" ? ["desc", "asc", "<"] : ["asc", "desc", ">"];
  const edge = after && `(${parameter(after.time)}::timestamptz, ${parameter(after.id)}::uuid)`;
  return {
    columns: "c.create_time",
    edge: edge === undefined ? "true" : `(c.create_time, c.id) ${sign} ${edge}`,
    by: `c.create_time ${direction}, c.id ${direction}`,
    reversed: `c.create_time ${opposite}, c.id ${opposite}`,
    walkEdge: edge === undefined ? "true" : `(p.conversation_time, p.conversation_id) ${sign} ${edge}`,
    walkBy: `p.conversation_time ${direction}, p.conversation_id ${direction}`,
  };
}

/**
 * A changed conversation moves to the front, past the pages that were read. Those that changed since the first page are
 * therefore repeated at the end, by id: none is skipped, some come twice.
 */
function byActivity(after: ListEdge | undefined, parameter: (value: unknown) => string): Order {
  const latest = "c.update_time desc, c.id desc";
  if (after === undefined) {
    const activity = { behind: "true", since: "true", by: latest };
    return { columns: "c.update_time", edge: "true", by: latest, walkEdge: "true", walkBy: latest, activity };
  }
  const { time, id, late = false, since = { next: 0n, running: [] } } = after;
  const changed = changedSince("c", parameter(since.next), parameter(since.running));
  const place = parameter(id);
  const from = late ? "" : `${parameter(time)}::timestamptz`;
  const behind = late ? "false" : `(c.update_time, c.id) < (${from}, ${place}::uuid)`;
  const by = `c.late, case when not c.late then c.update_time end desc, case when not c.late then c.id end desc, c.id`;
  return {
    columns: `c.update_time, not ${behind} as late, ${changed} as changed`,
    edge: late ? `c.changed and c.id > ${place}::uuid` : "(c.changed or not c.late)",
    by,
    walkEdge: "true",
    walkBy: by,
    late: true,
    ...(!late && { activity: { behind, since: `c.active_minute <= ${from}`, by: latest } }),
  };
}
