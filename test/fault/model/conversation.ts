// A conversation of the model: its log, its tree, what a fork shows of another, and how all of it is told.

/** In the contract's JSON, as far as the model knows parts. */
export type Part =
  | { readonly text: { readonly text: string } }
  | { readonly data: { readonly name: string; readonly json: string } }
  | { readonly toolCall: Readonly<Record<"callId" | "name" | "arguments" | "runsAt", string>> }
  | { readonly toolResult: { readonly callId: string; readonly text: string; readonly isError?: boolean } };

export interface ModelMessage {
  content: string;
  parts: readonly Part[];
  /** Empty: a message. */
  readonly kind: "" | "call" | "result";
  revision: number;
  deleted: boolean;
  /** The entry that it follows; 0: none of this log. */
  readonly parent: number;
  /** The message that it replies to. */
  readonly replyTo?: number;
  /** In the order in which the kinds first came, with who reacted, in the order of their names. */
  reactions?: [name: string, by: string[]][];
}

/** What a fork shows of its origin: as it was, unless it is deleted there. */
interface Inherited {
  readonly seq: number;
  readonly was: Pick<ModelMessage, "content" | "parts" | "revision" | "kind">;
  readonly is: Pick<ModelMessage, "deleted">;
}

/** Of a conversation, beside its log. */
export interface ModelChat {
  /** Who takes part, and how far each has read. */
  readonly members: Record<string, number>;
  draft: string | undefined;
  /** In no order. */
  scheduled: string[];
}

export interface ModelConversation {
  title: string;
  deleted: boolean;
  /** Whether a turn waits in it. */
  waits: boolean;
  /** The last entry of the live branch; 0: none of this log. */
  tip: number;
  /** Where the log of a fork begins. */
  readonly base: number;
  readonly inherited: readonly Inherited[];
  /** By the place in the log: a message, or the kind of another entry. */
  readonly log: Map<number, ModelMessage | string>;
  readonly chat: ModelChat;
}
export type Fork = ModelConversation;

export function newConversation(): ModelConversation {
  return {
    title: "",
    deleted: false,
    waits: false,
    tip: 0,
    base: 0,
    inherited: [],
    log: new Map(),
    chat: { members: {}, draft: undefined, scheduled: [] },
  };
}

/** A message becomes the end of the live branch. */
export function append(it: ModelConversation, entry: ModelMessage | string): number {
  const seq = it.base + it.log.size + 1;
  it.log.set(seq, entry);
  if (typeof entry !== "string") it.tip = seq;
  return seq;
}

export function messagesOf({ log }: ModelConversation): (readonly [number, ModelMessage])[] {
  return [...log].filter((pair): pair is [number, ModelMessage] => typeof pair[1] !== "string");
}

/** The entries of this log on the branch that ends at a place, the last first. */
export function pathOf({ log, tip }: ModelConversation, end = tip): number[] {
  const path: number[] = [];
  for (let seq = end; seq !== 0; ) {
    path.push(seq);
    const entry = log.get(seq);
    if (entry === undefined || typeof entry === "string") throw new Error(`no message is at ${seq}`);
    seq = entry.parent;
  }
  return path;
}

/** The newest entry that follows an entry, or is it. */
export function under(it: ModelConversation, seq: number): number {
  return Math.max(...messagesOf(it).flatMap(([other]) => (pathOf(it, other).includes(seq) ? [other] : [])));
}

/** What a fork at a place shows. */
export function inherit(it: ModelConversation, seq: number): Inherited[] {
  const own = pathOf(it, seq)
    .reverse()
    .map((at) => {
      const is = it.log.get(at) as ModelMessage;
      return { seq: at, was: { ...is }, is };
    });
  return [...it.inherited, ...own];
}

/** What stays of parts when a message gets another text from those who know no parts. */
export function withText(parts: readonly Part[], text: string): readonly Part[] {
  if (parts.length === 0) return parts;
  const first = parts.find((part) => "text" in part);
  if (first === undefined) return [...parts, { text: { text } }];
  return parts.flatMap((part): Part[] => (part === first ? [{ text: { text } }] : "text" in part ? [] : [part]));
}

/** The messages that are shown, and that a caller asks for. */
export function tellMessages(
  it: ModelConversation,
  wanted: (message: Pick<ModelMessage, "kind" | "deleted">) => boolean,
): string {
  const inherited = it.inherited
    .filter(({ was, is }) => wanted({ kind: was.kind, deleted: is.deleted }))
    .map(({ seq, was }) => tellMessage(seq, was));
  const path = new Set(pathOf(it));
  const own = messagesOf(it)
    .filter(([seq, message]) => path.has(seq) && wanted(message))
    .map(([seq, message]) => tellMessage(seq, message));
  return [...inherited, ...own].join();
}

export function tellMessage(
  seq: number,
  { content, revision, parts }: Pick<ModelMessage, "content" | "revision" | "parts">,
): string {
  const more = parts.length === 0 ? "" : ` ${JSON.stringify(parts)}`;
  return `${seq} ${JSON.stringify(content)}${more} r${revision}`;
}

export function tellConversation(it: ModelConversation): string {
  const path = new Set(pathOf(it));
  const shown = messagesOf(it).filter(([seq, { kind, deleted }]) => path.has(seq) && kind === "" && !deleted).length;
  return `${JSON.stringify(it.title)}, ${shown} messages, at ${it.base + it.log.size}`;
}
