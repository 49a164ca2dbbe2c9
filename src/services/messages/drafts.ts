// What callers say in a list of messages, which may be long: others have turns while it is read.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import { toDraft } from "../convert.ts";

/** So many are read at once: about a millisecond. */
const SLICE = 500;

export async function toDrafts(messages: readonly Message[]): Promise<MessageDraft[]> {
  const drafts: MessageDraft[] = [];
  const turns = new Turns();
  for (let first = 0; first < messages.length; first += SLICE) {
    if (first > 0) await turns.next();
    for (const message of messages.slice(first, first + SLICE)) drafts.push(toDraft(message));
  }
  return drafts;
}
