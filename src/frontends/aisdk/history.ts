// The messages of a chat as its client holds them: each turn is one, whose entries are folded as the client folds its
// stream.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ToolPlace } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { type ShowFilesParts, ShownFiles } from "../shared/files/show.ts";
import { KINDS } from "../shared/history.ts";
import { openTurns } from "../shared/open-turns.ts";
import { liveEntriesOfTurn } from "./known-messages.ts";
import { toUiMessage } from "./messages.ts";
import type { UiMessage } from "./request.ts";
import { FoldedMessage } from "./stream/fold.ts";
import { TurnChunks } from "./stream/turn-chunks.ts";

const PAGE = 200;
/** What others said while a turn went on is held back until the turn's message is whole, so many at most. */
const MAX_HELD = 200;

/** Files make a page end early: so many bytes of them. */
const PAGE_BYTES = 1 << 20;

/**
 * Pages of the messages of the live branch, oldest first. A reply that is being made for the first time is left out.
 */
export async function* history(parts: ShowFilesParts, conversationId: string): AsyncGenerator<UiMessage[]> {
  const { canonical, context } = parts;
  const open = new Map((await openTurns(canonical, context, conversationId)).map((turn) => [turn.id, turn]));
  let group: Message[] = [];
  let after: Message[] = [];
  let whole: UiMessage[] = [];
  let bytes = 0;

  /** Adds a message to the page. Returns what is full. */
  async function* add(make: (files: ShownFiles) => Promise<UiMessage | undefined>): AsyncGenerator<UiMessage[]> {
    const files = new ShownFiles(parts);
    const message = await make(files);
    if (message !== undefined) whole.push(message);
    bytes += files.bytes;
    if (bytes < PAGE_BYTES) return;
    yield whole;
    whole = [];
    bytes = 0;
  }

  async function* flush(): AsyncGenerator<UiMessage[]> {
    const [entries, later] = [group, after];
    group = [];
    after = [];
    if (entries.length > 0) yield* add((files) => reply(entries, files));
    for (const one of later) yield* add(async (files) => toUiMessage(await files.message(one)));
  }

  async function reply(entries: readonly Message[], files: ShownFiles): Promise<UiMessage | undefined> {
    const [first] = entries;
    const turn = first && open.get(first.turnId);
    if (first === undefined || turn === undefined) return folded(await files.messages(entries));
    if (turn.state === TurnState.INPUT_REQUIRED || hasWaited(entries)) {
      return folded(await files.messages(entries), turn);
    }
    const now = await canonical.call(context, TurnService.method.getTurn, { turnId: turn.id });
    if (now.turn?.endTime === undefined) return undefined;
    // It has ended since: the last of its entries may have come after the page was read.
    const all = await liveEntriesOfTurn(canonical, context, conversationId, turn.id, first.seq - 1n);
    return folded(await files.messages(all));
  }

  let pageToken = "";
  do {
    const request = { conversationId, kinds: KINDS, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, MessageService.method.listMessages, request);
    for (const entry of page.messages) {
      const inTurn = group[0]?.turnId ?? "";
      if (entry.turnId !== "" || entry.kind !== MessageKind.MESSAGE) {
        if (group.length > 0 && entry.turnId !== inTurn) yield* flush();
        group.push(entry);
      } else if (group.length > 0 && inTurn !== "" && after.length < MAX_HELD) after.push(entry);
      else {
        yield* flush();
        yield* add(async (files) => toUiMessage(await files.message(entry)));
      }
    }
    if (page.nextPageToken === "") yield* flush();
    if (whole.length > 0) yield whole;
    whole = [];
    bytes = 0;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
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
