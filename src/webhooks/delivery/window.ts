// What was read for an endpoint and is not all taken yet: what may be sent next, and how far all of it was taken.
import type { ReadEntry } from "../reading/entry.ts";
import type { HeldEntries } from "../reading/held.ts";
import { isUpTo, type Place } from "../reading/place.ts";
import type { Step } from "../reading/source.ts";

export interface Item {
  /** Read again where it is too old to be sent. Undefined: there is nothing to send, or no more. */
  entry: ReadEntry | undefined;
  readonly place: Place;
  state: "waiting" | "sending" | "done";
  /** Those of one lane are sent one after the other. */
  readonly lane: unknown;
  /** Of its content when it was added, in characters. */
  readonly size: number;
}

export class Window {
  readonly #ordered: boolean;
  readonly #held: HeldEntries;
  #items: Item[] = [];
  /** By conversation: what waits or is being sent, in order. */
  readonly #lanes = new Map<unknown, Item[]>();
  /** The first of each lane, if it waits, in the order in which they may be sent. */
  #ready: Item[] = [];
  #waiting = 0;
  #characters = 0;

  /** @param ordered whether those of one conversation are sent one after the other */
  constructor(ordered: boolean, held: HeldEntries) {
    this.#ordered = ordered;
    this.#held = held;
  }

  /** How many wait to be sent. */
  get waiting(): number {
    return this.#waiting;
  }

  get length(): number {
    return this.#items.length;
  }

  /** Of the content of what waits or is being sent. */
  get characters(): number {
    return this.#characters;
  }

  /** Adds steps; `wants` says which entries are sent. */
  add(steps: readonly Step[], wants: (entry: ReadEntry) => boolean): void {
    for (const { entry, place } of steps) {
      if (entry === undefined || !wants(entry)) {
        const last = this.#items.at(-1);
        // Many in a row that nobody wants are one.
        if (last?.entry === undefined && last?.state === "done") this.#items.pop();
        this.#items.push({ entry: undefined, place, state: "done", lane: undefined, size: 0 });
        continue;
      }
      // Entries of no conversation need not wait for each other.
      const lane = this.#ordered && entry.conversationId !== "" ? entry.conversationId : Symbol();
      const item: Item = { entry, place, state: "waiting", lane, size: entry.contentLength };
      this.#items.push(item);
      this.#held.hold(entry);
      this.#waiting++;
      this.#characters += entry.contentLength;
      const line = this.#lanes.get(lane);
      if (line !== undefined) {
        line.push(item);
      } else {
        this.#lanes.set(lane, [item]);
        this.#ready.push(item);
      }
    }
  }

  /** The next that may be sent by itself; it is being sent from now on. */
  take(): Item | undefined {
    const item = this.#ready.shift();
    if (item === undefined) return undefined;
    item.state = "sending";
    this.#waiting--;
    return item;
  }

  /**
   * The next ones in order, to be sent together while nothing else is: at most `count`, and no more than `characters`
   * of content unless it is one. `end`: all up to there instead.
   */
  takeBatch(count: number, characters: number, end?: Place): Item[] {
    const items: Item[] = [];
    let size = 0;
    for (const item of this.#items) {
      if (item.state !== "waiting") continue;
      if (end !== undefined) {
        if (!isUpTo(item.place, end)) break;
      } else {
        size += item.size;
        if (items.length === count || (items.length > 0 && size > characters)) break;
      }
      items.push(item);
    }
    for (const item of items) item.state = "sending";
    this.#waiting -= items.length;
    const taken = new Set(items);
    this.#ready = this.#ready.filter((item) => !taken.has(item));
    return items;
  }

  /** They were taken, or need not be sent any more. */
  done(items: readonly Item[]): void {
    const lanes = new Set<unknown>();
    for (const item of items) {
      item.state = "done";
      this.#characters -= item.size;
      this.replace(item, undefined);
      lanes.add(item.lane);
    }
    for (const lane of lanes) {
      const line = this.#lanes.get(lane) ?? [];
      // Those of a lane are taken in order.
      while (line[0]?.state === "done") line.shift();
      const [first] = line;
      if (first === undefined) this.#lanes.delete(lane);
      if (first?.state === "waiting" && !this.#ready.includes(first)) this.#ready.push(first);
    }
  }

  /** What an item has to send was read again. */
  replace(item: Item, entry: ReadEntry | undefined): void {
    if (entry !== undefined) this.#held.hold(entry);
    if (item.entry !== undefined) this.#held.release(item.entry);
    item.entry = entry;
  }

  /** They were not taken, and wait again. */
  failed(items: readonly Item[]): void {
    for (const item of items) {
      item.state = "waiting";
      this.#waiting++;
      if (this.#lanes.get(item.lane)?.[0] === item) this.#ready.unshift(item);
    }
  }

  /** Up to where everything was taken since the last call; undefined: no further. */
  advance(): Place | undefined {
    const open = this.#items.findIndex(({ state }) => state !== "done");
    const taken = this.#items.splice(0, open === -1 ? this.#items.length : open);
    return taken.at(-1)?.place;
  }

  /** Forgets everything; nothing may be being sent. It is read again from where everything was taken. */
  clear(): void {
    for (const item of this.#items) this.replace(item, undefined);
    this.#items = [];
    this.#lanes.clear();
    this.#ready = [];
    this.#waiting = 0;
    this.#characters = 0;
  }
}
