// Finds the item that an event is of.
import type { JsonValue } from "@bufbuild/protobuf";
import type { SortedCall } from "../../call-sorter.ts";
import { AgentFailure } from "../../connector.ts";

/** Maximum items of one reply. */
const MAX_ITEMS = 1000;

export type ItemEvent = Readonly<Record<string, JsonValue>>;

export interface KnownItem {
  call?: SortedCall;
  /** That of a message, until it is told. */
  phase?: string;
  /** The first id that the provider gave to thoughts. */
  givenId?: string;
  /** Whether thoughts are told themselves. Such have no id: the first words may come without one, and it must not change. */
  inWords?: boolean;
  /** The id under which thoughts are told. */
  thoughtId?: string;
  /** Whether something of it was told by a delta. */
  told: boolean;
  /** Whether it has ended. */
  done: boolean;
  /** Whether its index is known. */
  placed: boolean;
}

export class KnownItems {
  readonly #byIndex = new Map<number, KnownItem>();
  readonly #byId = new Map<string, KnownItem>();
  /** That of events with neither. */
  readonly #nameless: KnownItem = { told: false, done: false, placed: false };
  #count = 0;

  /** By the index, because some servers give an item another id in each event; without one by the id. */
  of({ output_index: index, item_id: id }: ItemEvent): KnownItem {
    const named = typeof id === "string" ? this.#byId.get(id) : undefined;
    const placed = typeof index === "number";
    if (!placed && typeof id !== "string") return this.#nameless;
    let known = placed ? this.#byIndex.get(index) : named;
    // An item that was told of by its id alone until now.
    if (known === undefined && named?.placed === false) known = named;
    if (known === undefined) {
      if (++this.#count > MAX_ITEMS) {
        throw new AgentFailure(`the agent sent more than ${MAX_ITEMS} items`, { health: "up" });
      }
      known = { told: false, done: false, placed };
    }
    if (placed) {
      this.#byIndex.set(index, known);
      known.placed = true;
    }
    if (typeof id === "string") this.#byId.set(id, known);
    return known;
  }
}
