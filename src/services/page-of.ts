// Limits a page, by count and by bytes.
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { areCut, areHeavy } from "../store/driver/row-budget.ts";
import { PageWeight } from "./page-weight.ts";

export interface PageOf<Row, Item> {
  readonly items: readonly Item[];
  /** The rows of the items. */
  readonly shown: readonly Row[];
  /** Whether there are more. */
  readonly more: boolean;
}

/**
 * At most `limit` items, as many as fit, and at least one if there is one. More rows than `limit`: there is another
 * page.
 *
 * @param heavy whether the items are weighed. Default: what is known of the rows
 */
export function pageOf<Row extends object, Desc extends DescMessage>(
  schema: Desc,
  rows: readonly Row[],
  limit: number,
  convert: (row: Row) => MessageInitShape<Desc>,
  heavy = areHeavy(rows),
): PageOf<Row, MessageInitShape<Desc>> {
  const within = rows.length > limit ? rows.slice(0, limit) : rows;
  const more = rows.length > limit || areCut(rows);
  if (!heavy) return { items: within.map(convert), shown: within, more };
  const items: MessageInitShape<Desc>[] = [];
  const weight = new PageWeight();
  for (const row of within) {
    const item = convert(row);
    if (!weight.add(schema, item) && items.length > 0) break;
    items.push(item);
  }
  return { items, shown: within.slice(0, items.length), more: more || items.length < within.length };
}
