// The statement that lists conversations, composed for the filters that a call uses.

import type { Deleted } from "../../domain/lists/deleted.ts";
import { MOMENT } from "../changed-since.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { SHOWN, type ViewerKind, visible } from "../visibility.ts";
import { type ConversationRow, conversationColumns, conversationJoins, wholeColumns } from "./columns.ts";
import { countedPage, isPlain } from "./list-counted.ts";
import { type ConversationFilters, composeFilters } from "./list-filters.ts";
import { type ConversationOrder, type ListEdge, orderOf } from "./list-order.ts";
import { mayBeRecent, recentFirst } from "./list-recent.ts";
import { memberCandidates, ofTenant, type Range, type Walk, walkOf } from "./list-walk.ts";

export interface ConversationList {
  readonly viewer: ViewerKind;
  readonly order: ConversationOrder;
  readonly deleted: Deleted;
  readonly filters: ConversationFilters;
  readonly after?: ListEdge;
  readonly skip: number;
  readonly limit: number;
  readonly count: boolean;
  /** Whether the rows have what only conversations that are read alone have. Default: false. */
  readonly whole?: boolean;
}

/** A conversation of a page; `id` is null in the only row of an empty page that was counted. */
export interface ListedConversationRow extends Omit<ConversationRow, "id"> {
  readonly id: string | null;
  readonly total: bigint | null;
  /** Of a list by activity: the moment of the statement. */
  readonly moment?: string;
  /** Of its later pages: it has changed since the first, and comes once more after all others. */
  readonly late?: boolean;
}

/** The statement for a list and the values after `$1` (tenant) and `$2` (caller). */
export function listConversations(list: ConversationList): {
  readonly statement: Statement<ListedConversationRow>;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value) + 2}`;
  const { letters, places, matching, oneByOne } = composeFilters(list, parameter);
  const see = visible(list.viewer);
  const conditions = { matching, seen: `${see} and ${matching}`, oneByOne: `${see} and ${oneByOne}` };
  const limit = `${parameter(list.limit)}::bigint`;
  const skip = `${parameter(list.skip)}::bigint`;
  const order = orderOf(list, parameter);
  const range = { order, limit, skip };

  const walk = walkOf(list, places, parameter);
  const pages = (looksUp: boolean) =>
    list.count ? counted(list, walk, conditions, range, looksUp) : uncounted(list, walk, conditions, range);

  const edge = list.after && (list.after.late ? "m" : "n");
  const flags = `${SHOWN[list.deleted][0]}${edge ?? ""}${list.count ? "q" : ""}${list.whole ? "z" : ""}`;
  const moment = list.order === "activity" ? `, ${MOMENT} as moment` : "";
  const late = order.late ? ", page.late" : "";
  const whole = list.whole ? `, ${wholeColumns}` : "";
  const text = (looksUp: boolean) => `
  with ${pages(looksUp)}
  select c.*, counted.total${moment} from counted left join (
    select ${conversationColumns}${whole}${late}
    from page join conversation c on c.tenant_id = $1 and c.id = page.id ${conversationJoins}
  ) c on true
  order by ${order.by}`;
  return {
    statement: {
      name: `conversation_list_${list.viewer}_${list.order}_${letters}_${flags}`,
      maxBytes: PAGE_BYTES,
      text: text(false),
      // What is counted is kept right by triggers, which distributed tables cannot have.
      get sharded() {
        return text(true);
      },
    },
    values,
  };
}

interface Conditions {
  /** The filters match; nothing is said of who sees it. */
  readonly matching: string;
  readonly seen: string;
  /** The same as `seen`, for a few conversations. */
  readonly oneByOne: string;
}

/** @param looksUp whether each conversation is looked up in any case */
function counted(
  list: ConversationList,
  walk: Walk | undefined,
  conditions: Conditions,
  range: Range,
  looksUp: boolean,
): string {
  const { viewer, deleted, filters } = list;
  // Whoever sees the whole tenant sees all that a named member has.
  const seen = walk === undefined || !walk.named || viewer === "tenant";
  const plain = !looksUp && seen && deleted === "exclude" && isPlain(filters);
  const matching = walk === undefined ? conditions.seen : ofWalk(walk, conditions);
  return countedPage({ walk, range, matching, plain });
}

function uncounted(
  { filters }: ConversationList,
  walk: Walk | undefined,
  conditions: Conditions,
  range: Range,
): string {
  const { order } = range;
  const exact =
    walk === undefined ? ofTenant(conditions.seen, range) : memberCandidates(walk, ofWalk(walk, conditions), range);
  const page = mayBeRecent(filters, order)
    ? recentFirst(walk, conditions.oneByOne, exact, { ...range, order })
    : `page as (${exact})`;
  return `${page},
  counted as (select null::bigint as total)`;
}

/** What is left to check of conversations that a walk leads to. */
function ofWalk(walk: Walk, { matching, seen }: Conditions): string {
  return walk.named ? seen : matching;
}
