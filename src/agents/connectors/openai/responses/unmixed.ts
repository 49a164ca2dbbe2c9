// Puts messages whose events come by turns one after the other: only one is open at a time.
import { AgentFailure } from "../../connector.ts";
import { isObject } from "../../failures.ts";
import type { ItemEvent } from "./known-items.ts";

/** Length in characters of the events that are held at a time at most, as JSON: more than a reply may have. */
const MAX_HELD = 4 * 1024 * 1024;

export type TypedEvent = readonly [type: string, event: ItemEvent];

interface Held {
  readonly events: TypedEvent[];
  /** Characters. */
  length: number;
}

export class Unmixed {
  /** Those that were announced, by their places in the output. */
  readonly #messages = new Set<number>();
  /** The one that is open. */
  #open: number | undefined;
  /** The events of those that come after it. */
  readonly #held = new Map<number, Held>();
  #heldLength = 0;

  /**
   * The events that are to be taken now. Those of whatever was not announced as a message are taken as they come. Throws
   * AgentFailure where too much would be held.
   */
  take(type: string, event: ItemEvent): readonly TypedEvent[] {
    const { output_index: index, item } = event;
    if (typeof index !== "number") return [[type, event]];
    if (type === ADDED && isObject(item) && item.type === "message") {
      this.#messages.add(index);
      this.#open ??= index;
    }
    if (this.#open === undefined || index === this.#open || !this.#messages.has(index)) {
      return type === DONE && index === this.#open ? [[type, event], ...this.#next()] : [[type, event]];
    }
    const { length } = JSON.stringify(event);
    this.#heldLength += length;
    if (this.#heldLength > MAX_HELD) {
      throw new AgentFailure("the agent sent too much of messages by turns", { health: "up" });
    }
    const held = this.#held.get(index) ?? { events: [], length: 0 };
    held.events.push([type, event]);
    held.length += length;
    this.#held.set(index, held);
    return [];
  }

  /** All that was held. */
  end(): TypedEvent[] {
    const rest = [...this.#held.values()].flatMap(({ events }) => events);
    this.#held.clear();
    this.#heldLength = 0;
    return rest;
  }

  /** What was held of the messages after the open one, which is whole, up to one that is not. */
  *#next(): Generator<TypedEvent> {
    this.#open = undefined;
    for (const [index, { events, length }] of this.#held) {
      this.#held.delete(index);
      this.#heldLength -= length;
      yield* events;
      if (events.some(([type]) => type === DONE)) continue;
      this.#open = index;
      return;
    }
  }
}

const ADDED = "response.output_item.added";
const DONE = "response.output_item.done";
