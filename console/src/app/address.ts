// What an address says that its view does not understand: it stays in the address, and the page says so.

export interface Unread {
  /** What filters nothing, by name, as the address has it. Left out: all is understood. */
  readonly unread?: Readonly<Record<string, string>>;
}

/** Makes the reader of a view's address one that keeps what it does not take. */
export function keepingUnread<S extends object>(read: (raw: Record<string, unknown>) => S) {
  return (search: Record<string, unknown>): S & Unread => {
    // The page hands on what it has read; an address alone has texts.
    const { unread: before, ...own } = search;
    const raw = { ...own, ...(typeof before === "object" ? before : before !== undefined && { unread: before }) };
    const taken = read(raw);
    const left = Object.entries(raw).filter(
      (entry): entry is [string, string] => !(entry[0] in taken) && typeof entry[1] === "string" && entry[1] !== "",
    );
    if (left.length === 0) return taken;
    // The router hands the whole address down to each view: what is unread must not come as a filter.
    const hidden = Object.fromEntries(left.map(([name]) => [name, undefined]));
    return { ...hidden, ...taken, unread: Object.fromEntries(left) };
  };
}

/** The address of a search as people read and write it: plain names and values. */
export function addressOf({ unread, ...search }: Record<string, unknown>): string {
  const all = { ...search, ...(typeof unread === "object" ? unread : { unread }) };
  const given = Object.entries(all).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}
