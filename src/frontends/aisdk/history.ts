// The messages of a chat as its client holds them: each turn is one, whose entries are folded as the client folds its stream.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ToolPlace } from "../../../gen/colloquy/v1/part_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
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

/** Pages of the messages of the live branch, oldest first. A reply that is being made for the first time is left out. */
export async function* history(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
): AsyncGenerator<UiMessage[]> {
  const open = new Map((await openTurns(canonical, context, conversationId)).map((turn) => [turn.id, turn]));
  let group: Message[] = [];
  let after: UiMessage[] = [];

  async function flushed(): Promise<UiMessage[]> {
    const message = group.length === 0 ? undefined : await reply(group);
    const whole = message === undefined ? after : [message, ...after];
    group = [];
    after = [];
    return whole;
  }

  async function reply(entries: readonly Message[]): Promise<UiMessage | undefined> {
    const [first] = entries;
    const turn = first && open.get(first.turnId);
    if (first === undefined || turn === undefined) return folded(entries);
    if (turn.state === TurnState.INPUT_REQUIRED || hasWaited(entries)) return folded(entries, turn);
    const now = await canonical.call(context, TurnService.method.getTurn, { turnId: turn.id });
    if (now.turn?.endTime === undefined) return undefined;
    // It has ended since: the last of its entries may have come after the page was read.
    return folded(await liveEntriesOfTurn(canonical, context, conversationId, turn.id, first.seq - 1n));
  }

  let pageToken = "";
  do {
    const request = { conversationId, kinds: KINDS, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, MessageService.method.listMessages, request);
    const whole: UiMessage[] = [];
    for (const entry of page.messages) {
      const inTurn = group[0]?.turnId ?? "";
      if (entry.turnId !== "" || entry.kind !== MessageKind.MESSAGE) {
        if (group.length > 0 && entry.turnId !== inTurn) whole.push(...(await flushed()));
        group.push(entry);
      } else if (group.length > 0 && inTurn !== "" && after.length < MAX_HELD) after.push(toUiMessage(entry));
      else whole.push(...(await flushed()), toUiMessage(entry));
    }
    if (page.nextPageToken === "") whole.push(...(await flushed()));
    if (whole.length > 0) yield whole;
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
