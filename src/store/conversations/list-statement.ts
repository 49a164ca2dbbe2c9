// The statement that lists conversations, composed for the filters that a call uses.

import type { Deleted } from "../../domain/lists/deleted.ts";
import { MOMENT } from "../changed-since.ts";
import type { Statement } from "../database.ts";
import { PAGE_BYTES } from "../driver/row-budget.ts";
import { SHOWN, type ViewerKind, visible, watchedMembers } from "../visibility.ts";
import { type ConversationRow, conversationColumns, conversationJoins, wholeColumns } from "./columns.ts";
import { type ConversationFilters, conditions } from "./list-filters.ts";
import { type ConversationOrder, type ListEdge, orderOf } from "./list-order.ts";
import { memberCandidates, ofAllThatMembersHave, ofTenant, walkOf } from "./list-walk.ts";

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
  const [deletedLetter, isShown] = SHOWN[list.deleted];
  const where = [isShown("c")];
  const places: Partial<Record<keyof ConversationFilters, string>> = {};
  let letters = "";
  for (const [name, [letter, sql]] of Object.entries(conditions)) {
    const value = list.filters[name as keyof ConversationFilters];
    if (value === undefined) continue;
    const place = parameter(typeof value === "object" ? JSON.stringify(value) : value);
    places[name as keyof ConversationFilters] = place;
    letters += letter;
    where.push(sql(place));
  }
  if (list.filters.ownedOnly) {
    letters += "w";
    if (list.viewer !== "tenant") where.push(`c.owner_id in (${watchedMembers(list.viewer)})`);
  }
  where.push(list.filters.unlisted ? "c.unlisted" : "not c.unlisted");
  if (list.filters.unlisted) letters += "u";
  const matching = where.join(" and ");
  const seen = `${visible(list.viewer)} and ${matching}`;
  const limit = `${parameter(list.limit)}::bigint`;
  const skip = `${parameter(list.skip)}::bigint`;
  const order = orderOf(list, parameter);
  const range = { order, limit, skip };

  const walk = walkOf(list, places, parameter);
  const found = walk && (walk.named ? seen : matching);
  const pages =
    walk === undefined || found === undefined
      ? ofTenant(seen, list.count, range)
      : list.count
        ? ofAllThatMembersHave(walk, found, range)
        : `page as (${memberCandidates(walk, found, range)}),
  counted as (select null::bigint as total)`;

  const edge = list.after && (list.after.late ? "m" : "n");
  const flags = `${deletedLetter}${edge ?? ""}${list.count ? "q" : ""}${list.whole ? "z" : ""}`;
  const moment = list.order === "activity" ? `, ${MOMENT} as moment` : "";
  const late = order.late ? ", page.late" : "";
  const whole = list.whole ? `, ${wholeColumns}` : "";
  return {
    statement: {
      name: `conversation_list_${list.viewer}_${list.order}_${letters}_${flags}`,
      maxBytes: PAGE_BYTES,
      text: `
  with ${pages}
  select c.*, counted.total${moment} from counted left join (
    select ${conversationColumns}${whole}${late}
    from page join conversation c on c.tenant_id = $1 and c.id = page.id ${conversationJoins}
  ) c on true
  order by ${order.by}`,
    },
    values,
  };
}
