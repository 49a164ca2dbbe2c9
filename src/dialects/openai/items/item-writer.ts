// Writes the JSON of one item.
import { type Message, MessageState } from "../../../../gen/colloquy/v1/message_pb.ts";
import { GIVEN_ID, itemIdOf } from "../ids.ts";
import type { Members } from "./json-members.ts";
import type { PartJson } from "./stored-parts.ts";

export interface WrittenItem {
  readonly id: string;
  /** The item as JSON. */
  readonly json: string;
}

/** How far an entry is, in the words of items. @param parts its own */
export function statusOf({ state }: Message, parts: readonly PartJson[]): string {
  if (state === MessageState.STREAMING) return "in_progress";
  const isCut = parts.some((part) => part.state === "PART_STATE_FAILED");
  return isCut || state === MessageState.FAILED ? "incomplete" : "completed";
}

/** What stands in `rest` is written as it is, and wins over what is added. */
export class ItemWriter {
  readonly #rest: Members;
  readonly #id: string;
  #text: string;

  /** @param made the id that a provider gave to what it made in a turn; undefined: none */
  constructor(message: Message, prefix: string, rest: Members, made?: string) {
    const isMade = message.turnId !== "" && message.clientId === "" && made !== undefined && GIVEN_ID.test(made);
    const id = isMade ? made : itemIdOf(message, prefix);
    this.#id = id;
    this.#rest = rest;
    this.#text = `{"id":"${id}"`;
    for (const [name, json] of rest) if (name !== "id") this.#text += `,${JSON.stringify(name)}:${json}`;
  }

  /** Adds a member whose name needs no escapes, unless it is there. */
  add(name: string, json: string): void {
    if (!this.#rest.has(name)) this.#text += `,"${name}":${json}`;
  }

  text(name: string, text: string): void {
    if (!this.#rest.has(name)) this.#text += `,"${name}":${JSON.stringify(text)}`;
  }

  done(): WrittenItem {
    return { id: this.#id, json: `${this.#text}}` };
  }
}
