// The messages of a chat as its client holds them: each turn is one, whose entries are folded as the client folds its
// stream.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ToolPlace } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { type ShowFilesParts, ShownFiles } from "../../dialects/shared/files/show.ts";
import { KINDS, weightOf } from "../shared/history.ts";
import { openTurns } from "../shared/open-turns.ts";
import { liveEntriesOfTurn } from "./known-messages.ts";
import { toUiMessage } from "./messages.ts";
import type { UiMessage } from "./request.ts";
import { FoldedMessage } from "./stream/fold.ts";
import { TurnChunks } from "./stream/turn-chunks.ts";

const PAGE = 200;
/** What others said while a turn went on is held back until the turn's message is whole, so many at most. */
const MAX_HELD = 200;
/**
 * From so many bytes on, entries that belong together are a message of their own once no call among them is open, and
 * from twice as many anyway. Turns have fewer ({@link MAX_TURN_BYTES}), entries without one any number.
 */
const GROUP_BYTES = 12 << 20;

type Bytes = Buffer<ArrayBuffer>;

/** Files make a page end early: so many bytes of them. */
const PAGE_BYTES = 1 << 20;

/**
 * Pages of the messages of the live branch, oldest first, each as JSON. A reply that is being made for the first time is
 * left out. While a reader takes a page, nothing else is held: what comes after it is read again.
 */
export class ChatHistory implements AsyncIterable<Bytes>, AsyncIterator<Bytes, undefined> {
  readonly #parts: ShowFilesParts;
  readonly #conversationId: string;
  #open: ReadonlyMap<string, Turn> | undefined;
  #afterSeq = 0n;
  #isBegun = false;
  #isOver = false;

  constructor(parts: ShowFilesParts, conversationId: string) {
    this.#parts = parts;
    this.#conversationId = conversationId;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next piece of the list, in JSON, which may be empty. */
  async next(): Promise<IteratorResult<Bytes, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    const { canonical, context } = this.#parts;
    this.#open ??= new Map((await openTurns(canonical, context, this.#conversationId)).map((turn) => [turn.id, turn]));
    const page = new Page();
    let pageToken = "";
    do {
      const place = { conversationId: this.#conversationId, afterSeq: this.#afterSeq, pageToken };
      const request = { ...place, kinds: KINDS, pageSize: PAGE };
      const read = await canonical.call(context, MessageService.method.listMessages, request);
      for (const entry of read.messages) {
        await this.#take(page, entry);
        if (page.isFull) break;
      }
      pageToken = read.nextPageToken;
      if (pageToken === "" && !page.isFull) await this.#flush(page);
      else if (page.isFull || page.texts.length > 0) break;
    } while (pageToken !== "");
    this.#afterSeq = page.doneSeq ?? this.#afterSeq;
    this.#isOver = pageToken === "" && !page.isFull;
    return { done: false, value: Buffer.from(this.#pieceOf(page.texts)) };
  }

  #pieceOf(texts: readonly string[]): string {
    const end = this.#isOver ? "]" : "";
    if (texts.length === 0) return this.#isBegun || !this.#isOver ? end : `[${end}`;
    const before = this.#isBegun ? "," : "[";
    this.#isBegun = true;
    return `${before}${texts.join(",")}${end}`;
  }

  async #take(page: Page, entry: Message): Promise<void> {
    const { group } = page;
    const inTurn = group.entries[0]?.turnId ?? "";
    if (entry.turnId !== "" || entry.kind !== MessageKind.MESSAGE) {
      if (group.entries.length > 0 && (entry.turnId !== inTurn || group.isFull)) await this.#flush(page);
      page.group.add(entry);
    } else if (group.entries.length === 0 || inTurn === "" || !page.hold(entry)) {
      await this.#flush(page);
      await this.#add(page, entry, async (files) => toUiMessage(await files.message(entry)));
    }
  }

  async #flush(page: Page): Promise<void> {
    const { group, after } = page.takeHeld();
    const [last] = group.entries.slice(-1);
    if (last) await this.#add(page, last, (files) => this.#reply(group.entries, files));
    for (const one of after) await this.#add(page, one, async (files) => toUiMessage(await files.message(one)));
  }

  /** @param last the last of the entries that it is made of */
  async #add(page: Page, last: Message, make: (files: ShownFiles) => Promise<UiMessage | undefined>): Promise<void> {
    const files = new ShownFiles(this.#parts);
    const message = await make(files);
    page.add(message, files.bytes, last.seq);
  }

  async #reply(entries: readonly Message[], files: ShownFiles): Promise<UiMessage | undefined> {
    const { canonical, context } = this.#parts;
    const [first] = entries;
    const turn = first && this.#open?.get(first.turnId);
    if (first === undefined || turn === undefined) return folded(await files.messages(entries));
    if (turn.state === TurnState.INPUT_REQUIRED || hasWaited(entries)) {
      return folded(await files.messages(entries), turn);
    }
    const now = await canonical.call(context, TurnService.method.getTurn, { turnId: turn.id });
    if (now.turn?.endTime === undefined) return undefined;
    // It has ended since: the last of its entries may have come after the page was read.
    const before = first.seq - 1n;
    const all = await liveEntriesOfTurn(canonical, context, this.#conversationId, turn.id, before);
    return folded(await files.messages(all));
  }
}

/** Entries that are one message. */
class Group {
  readonly entries: Message[] = [];
  #bytes = 0;
  readonly #openCalls = new Set<string>();

  get isFull(): boolean {
    return this.#bytes >= (this.#openCalls.size === 0 ? GROUP_BYTES : 2 * GROUP_BYTES);
  }

  add(entry: Message): void {
    this.entries.push(entry);
    this.#bytes += weightOf(entry);
    for (const { content } of entry.parts) {
      if (content.case === "toolCall") this.#openCalls.add(content.value.callId ?? "");
      else if (content.case === "toolResult") this.#openCalls.delete(content.value.callId ?? "");
    }
  }
}

/** What one call of {@link ChatHistory.next} has read. */
class Page {
  readonly texts: string[] = [];
  group = new Group();
  #after: Message[] = [];
  #afterBytes = 0;
  #files = 0;
  /** Up to here all entries are in the texts. */
  doneSeq: bigint | undefined;

  get isFull(): boolean {
    return this.#files >= PAGE_BYTES;
  }

  /** Whether a message of somebody else can wait for the end of the group. */
  hold(entry: Message): boolean {
    this.#afterBytes += weightOf(entry);
    if (this.#after.length === MAX_HELD || this.#afterBytes > GROUP_BYTES) return false;
    this.#after.push(entry);
    return true;
  }

  /** What is held, from then on no longer. */
  takeHeld(): { readonly group: Group; readonly after: readonly Message[] } {
    const held = { group: this.group, after: this.#after };
    this.group = new Group();
    this.#after = [];
    this.#afterBytes = 0;
    return held;
  }

  add(message: UiMessage | undefined, files: number, seq: bigint): void {
    if (message !== undefined) this.texts.push(JSON.stringify(message));
    this.#files += files;
    if (this.doneSeq === undefined || seq > this.doneSeq) this.doneSeq = seq;
  }
}

/** The message of a turn, or of entries that belong to none. Undefined: nothing of it is shown. */
function folded(entries: readonly Message[], waiting?: Turn): UiMessage | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const id = first.turnId || first.clientId || first.id;
  const chunks = new TurnChunks(id);
  const message = new FoldedMessage(id);
  for (const entry of entries) for (const chunk of chunks.stored(entry)) message.add(chunk);
  if (waiting?.state === TurnState.INPUT_REQUIRED) for (const chunk of chunks.waits(waiting)) message.add(chunk);
  return message.isEmpty ? undefined : message.toMessage();
}

/** Whether somebody has answered it, so that its client has its message. */
function hasWaited(entries: readonly Message[]): boolean {
  const handed = new Set<string>();
  for (const { kind, parts } of entries) {
    if (kind === MessageKind.APPROVAL_RESPONSE) return true;
    for (const { content } of parts) {
      if (content.case === "toolCall" && content.value.runsAt === ToolPlace.CLIENT)
        handed.add(content.value.callId ?? "");
      if (content.case === "toolResult" && handed.has(content.value.callId ?? "")) return true;
    }
  }
  return false;
}
