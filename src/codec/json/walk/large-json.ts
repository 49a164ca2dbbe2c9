// Large JSON bodies: limits are checked before parsing, which then yields to other work between pieces.
import { setImmediate } from "node:timers/promises";
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { ShapeFault } from "../../shape-fault.ts";
import type { ShapeOptions } from "./json-kinds.ts";
import { jsonShape } from "./json-shape.ts";
import type { ItemList, JsonShape } from "./json-walk.ts";

/** Shorter bodies are read at once: nothing that they hold takes long. */
export const LARGE_BODY = 32 * 1024;
/** So many characters of items are read at once. */
const PIECE = 16 * 1024;

/** Reads a text as a message. No object in it holds a name twice. Throws if it is none. */
export type ReadText = (schema: DescMessage, text: string) => Message;

/** A piece that cannot be read: item `index` of the list at `path`; no path: what is left of the body without them. */
export interface BrokenPiece {
  readonly path: readonly DescField[];
  readonly index: number;
  readonly schema: DescMessage;
  readonly text: string;
}

export interface LargeJson extends ShapeOptions {
  readonly read: ReadText;
  /** What to throw for a piece that `read` did not take. */
  readonly explain: (error: unknown, piece: BrokenPiece) => unknown;
}

/** A piece that was refused, for a reason that is not known yet. */
class Broken extends Error {
  readonly piece: BrokenPiece;

  constructor(cause: unknown, piece: BrokenPiece) {
    super("a piece cannot be read", { cause });
    this.piece = piece;
  }
}

/** Reads a message as `read` would read the whole, but for the names of a text that nothing reads. */
export async function readLargeJson(schema: DescMessage, text: string, options: LargeJson): Promise<Message> {
  try {
    return await readPieces(schema, text, options);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    // To find out why takes as long as to read it: others have a turn between.
    await setImmediate();
    const { cause, piece } = error;
    throw options.explain(cause instanceof ShapeFault ? placed(cause, piece) : cause, piece);
  }
}

async function readPieces(schema: DescMessage, text: string, options: LargeJson): Promise<Message> {
  const shape = await jsonShape(schema, text, options);
  if (shape === undefined) return readPiece(options, { path: [], index: 0, schema, text });
  const turns = new Turns();
  await turns.next();
  const message = readPiece(options, { path: [], index: 0, schema, text: restOf(text, shape) });
  for (const list of shape.lists) await readItems(message, text, list, options, turns);
  // Who looks at what was read has a turn of its own.
  await turns.next();
  return message;
}

function readPiece({ read }: LargeJson, piece: BrokenPiece): Message {
  try {
    return read(piece.schema, piece.text);
  } catch (error) {
    throw new Broken(error, piece);
  }
}

/** The fault of a piece, with the place that it has in the whole. */
function placed({ message, field, rule }: ShapeFault, { path, index }: BrokenPiece): ShapeFault {
  const item = path.length === 0 ? "" : `${path.map(({ name }) => name).join(".")}[${index}]`;
  return new ShapeFault(message, item === "" || field === "" ? item + field : `${item}.${field}`, rule);
}

/** The text without the items of lists, and without what nothing reads. */
function restOf(text: string, { cuts }: JsonShape): string {
  let rest = "";
  let from = 0;
  for (const { start, end, by } of cuts) {
    // One that lies within another.
    if (start < from) continue;
    rest += text.slice(from, start) + by;
    from = end;
  }
  return rest + text.slice(from);
}

async function readItems(
  message: Message,
  text: string,
  { path, bounds }: ItemList,
  options: LargeJson,
  turns: Turns,
): Promise<void> {
  const list = path[path.length - 1] as DescField & { fieldKind: "list"; message: DescMessage };
  const items = listAt(message, path);
  const count = bounds.length / 2;
  for (let first = 0; first < count; ) {
    await turns.next();
    const start = bounds[2 * first] as number;
    let last = first;
    while (last + 1 < count && (bounds[2 * last + 3] as number) - start <= PIECE) last++;
    const end = bounds[2 * last + 1] as number;
    const piece = `{${JSON.stringify(list.jsonName)}:[${text.slice(start, end)}]}`;
    try {
      const read = options.read(list.parent, piece) as unknown as Readonly<Record<string, readonly unknown[]>>;
      for (const item of read[list.localName] ?? []) items.push(item);
    } catch (error) {
      for (let index = first; index <= last; index++) {
        // To find the item takes as long as to read them.
        await turns.next();
        const own = text.slice(bounds[2 * index], bounds[2 * index + 1]);
        readPiece(options, { path, index, schema: list.message, text: own });
      }
      throw error;
    }
    first = last + 1;
  }
}

function listAt(message: Message, path: readonly DescField[]): unknown[] {
  let value: unknown = message;
  for (const { localName, oneof } of path) {
    const holder = value as Readonly<Record<string, unknown>>;
    value = oneof === undefined ? holder[localName] : (holder[oneof.localName] as { value?: unknown }).value;
  }
  return value as unknown[];
}
