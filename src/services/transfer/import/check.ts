// What an import can make of a line, given what is there: its place in the log, or what is wrong with it.
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { summaryFault } from "../../../domain/turns/summary.ts";
import type * as entries from "../../../store/transfer/import-entries.ts";
import type { EntryLine, PartsLine } from "./line.ts";
import type { MoreLine } from "./more.ts";

/** A line of what a conversation holds. */
export type WithinLine = EntryLine | PartsLine | MoreLine;

/** The place that an entry gets, "there" for one that has it, what is wrong in words, or nothing to say. */
export function placeOf(
  line: WithinLine,
  logs: ReadonlyMap<string, bigint>,
  there: ReadonlyMap<string, entries.ThereRow>,
): bigint | string | undefined {
  const last = logs.get(line.conversationId);
  if (last === undefined) return "conversation_id: there is no such conversation";
  if (line.kind === "parts") return undefined;
  if (line.kind === "revisions" || line.kind === "reactions") {
    const message = there.get(line.messageId);
    if (message?.conversation_id !== line.conversationId) return `${line.kind}.message_id: there is no such message`;
    if (line.kind === "reactions") return undefined;
    const late = line.revisions.some(({ revision }) => revision >= message.revision);
    return late ? "revisions.revisions: must have numbers below that of the message" : undefined;
  }
  const { item, conversationId } = line;
  if (item.kind === "message") {
    const found = there.get(item.row.id);
    if (found) return found.conversation_id === conversationId ? "there" : "message.id: it is in another conversation";
    const { parent_id: parentId } = item.row;
    const parent = parentId === null || parentId === conversationId || there.get(parentId);
    if (parent === undefined) return "message.parent_id: must be a message of the conversation that came before";
  }
  const wanted = item.row.seq;
  const fault = wanted > last + 1n ? undefined : summaryFaultOf(item, wanted || last + 1n);
  if (fault !== undefined) return fault;
  if (wanted === 0n) return last + 1n;
  if (wanted > last + 1n) return `seq: ${last + 1n} is the next of this conversation`;
  if (wanted === last + 1n) return wanted;
  return item.kind === "event" ? "there" : "seq: another entry has this place";
}

/** A summary stands for entries before it. */
function summaryFaultOf(item: EntryLine["item"], seq: bigint): string | undefined {
  if (item.kind !== "message") return undefined;
  const { kind, parts } = item.row;
  const fault = summaryFault(kind ?? MessageKind.MESSAGE, parts ?? undefined, seq - 1n);
  return fault && `message.parts[${fault.part}].data.json: ${fault.rule}`;
}
