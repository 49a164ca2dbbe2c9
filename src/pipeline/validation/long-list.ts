// Processes the one long list that a request may have in slices, and yields to other work between them.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { onceEach } from "../memoize.ts";
import { maxItems } from "./item-limits.ts";

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

/** A list of a request that is longer than most are. */
export interface LongList {
  /** Where it is in the request, such as `message_list.messages`. */
  readonly place: string;
  slices(): Iterable<Slice>;
}

/** A field that may be a long list, and the singular message that holds it, if the request does not hold it itself. */
interface ListPlace {
  readonly holder: DescField | undefined;
  readonly list: DescField;
}

const placesOf = onceEach((schema: DescMessage): readonly ListPlace[] => [
  ...longListsOf(schema).map((list) => ({ holder: undefined, list })),
  ...schema.fields.flatMap((holder) =>
    holder.fieldKind === "message" && holder.oneof === undefined
      ? longListsOf(holder.message).map((list) => ({ holder, list }))
      : [],
  ),
]);

function longListsOf(schema: DescMessage): readonly DescField[] {
  if (schema.typeName.startsWith("google.protobuf.")) return [];
  return schema.fields.filter(
    (field) => field.fieldKind === "list" && field.message !== undefined && maxItems(field) > SHORT_LIST,
  );
}

/**
 * The list of messages, of those that lie in the request itself or in a message of it, that has more than 500 items,
 * but no more than its rules allow: that one is refused by its count. Undefined: there is none, as in almost every
 * request.
 */
export function longListOf(schema: DescMessage, message: Message): LongList | undefined {
  const whole = message as unknown as Fields;
  for (const { holder, list } of placesOf(schema)) {
    const inner = (holder === undefined ? whole : whole[holder.localName]) as Fields | undefined;
    const items = (inner?.[list.localName] ?? []) as readonly unknown[];
    if (items.length <= SHORT_LIST || items.length > maxItems(list)) continue;
    const sliced = (part: readonly unknown[]) => {
      const own = copyWith(inner as Fields, list, part);
      return holder === undefined ? own : copyWith(whole, holder, own);
    };
    const place = holder === undefined ? list.name : `${holder.name}.${list.name}`;
    return { place, slices: () => slicesOf(items, sliced) };
  }
  return undefined;
}

function* slicesOf(items: readonly unknown[], sliced: (part: readonly unknown[]) => Fields): Generator<Slice> {
  for (let first = 0; first < items.length; first += SHORT_LIST) {
    yield { message: sliced(items.slice(first, first + SHORT_LIST)) as unknown as Message, first };
  }
}

function copyWith(message: Fields, { localName }: DescField, value: unknown): Fields {
  const copy: Fields = Object.assign(Object.create(Object.getPrototypeOf(message)), message);
  copy[localName] = value;
  return copy;
}
