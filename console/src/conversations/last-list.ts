// The list as it was seen last in this tab, to which the way back from a conversation leads: its filters, and the place
// in it.
import type { ListSearch } from "./list-search.ts";

export interface ListPlace {
  /** The row that the tab key stops at. */
  readonly selected: number;
  /** How far it is scrolled, in pixels. */
  readonly offset: number;
}

const TOP: ListPlace = { selected: 0, offset: 0 };

let last: ListSearch = {};
let place = TOP;

/** Another list begins at its top. */
export function rememberList(search: ListSearch): void {
  if (!isLast(search)) place = TOP;
  last = search;
}

export function lastList(): ListSearch {
  return last;
}

export function rememberPlace(search: ListSearch, change: Partial<ListPlace>): void {
  rememberList(search);
  place = { ...place, ...change };
}

export function lastPlace(search: ListSearch): ListPlace {
  return isLast(search) ? place : TOP;
}

/** What comes of one address is alike, in the order of its names too. */
function isLast(search: ListSearch): boolean {
  return JSON.stringify(search) === JSON.stringify(last);
}
