// The one long list that a request may hold, a slice at a time: what is done for each item gives turns to others between.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { onceEach } from "../memoize.ts";
import { mostItems } from "./item-limits.ts";

/** Lists of no more items are short: what is done for each of them is done at once. */
const SHORT_LIST = 500;

type Fields = Record<string, unknown>;

/** Items of a long list, as a message that holds no others. */
export interface Slice {
  /** All but the list is that of the whole message. */
  readonly message: Message;
  /** Which item of the whole list is the first. */
  readonly first: number;
}

/** A list of a request that is longer than most are, by its field. */
export interface LongList {
  readonly field: DescField;
  slices(): Iterable<Slice>;
}

const fieldsOf = onceEach((schema: DescMessage) =>
  schema.fields.filter((field) => field.fieldKind === "list" && field.message && mostItems(field) > SHORT_LIST),
);

/**
 * The list of messages, of those that lie in the message itself, that has more than 500 items, but no more than its rules
 * allow: that one is refused by its count. Undefined: there is none, as in almost every request.
 */
export function longListOf(schema: DescMessage, message: Message): LongList | undefined {
  for (const field of fieldsOf(schema)) {
    const items = (message as unknown as Fields)[field.localName] as readonly unknown[];
    if (items.length > SHORT_LIST && items.length <= mostItems(field)) {
      return { field, slices: () => slicesOf(message, field.localName, items) };
    }
  }
  return undefined;
}

function* slicesOf(message: Message, name: string, items: readonly unknown[]): Generator<Slice> {
  for (let first = 0; first < items.length; first += SHORT_LIST) {
    const part: Fields = Object.assign(Object.create(Object.getPrototypeOf(message)), message);
    part[name] = items.slice(first, first + SHORT_LIST);
    yield { message: part as unknown as Message, first };
  }
}
