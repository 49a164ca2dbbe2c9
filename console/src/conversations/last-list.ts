// The list as it was seen last in this tab, to which the way back from a conversation leads.
import type { ListSearch } from "./list-search.ts";

let last: ListSearch = {};

export function rememberList(search: ListSearch): void {
  last = search;
}

export function lastList(): ListSearch {
  return last;
}
