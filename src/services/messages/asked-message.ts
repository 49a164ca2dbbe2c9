// The message to which a reply is generated again, and the move of the live branch back to it.
import { pathTo, runOf } from "../../domain/branches/runs.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { readAskedSeq, readPathMessage } from "../../store/branches/asked.ts";
import { liveTip, seqOf } from "../../store/branches/branches.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { goTo, readTree } from "./branches.ts";

export interface AskedMessage {
  readonly message: MessageRow;
  /** Makes it the end of the live branch. */
  readonly goOn: () => Promise<void>;
}

/**
 * The message of a locked conversation that an entry is, or replies to; of the last entry of the live branch if none is
 * named. Throws NOT_FOUND if there is no such entry, UNKNOWN_REFERENCE if it replies to nothing.
 */
export async function findAsked(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  messageId: string,
): Promise<AskedMessage> {
  const { tenantId } = caller;
  const tree = await readTree(tx, caller, row);
  const { place, runs } = tree;
  const live = await liveTip(tx, tenantId, runs, row.last_seq + 1n);
  const named = isOurId(messageId) ? await seqOf(tx, place, runs, messageId.toLowerCase()) : undefined;
  if (messageId !== "" && !named) throw notFound("message");
  const seq = named ?? live;
  const path = pathTo(runs, seq);
  const source = runOf(runs, seq)?.source;
  const replied = source === undefined ? null : await readAskedSeq(tx, place, source, seq);
  const exact = replied !== null && path.some(({ from, to }) => from <= replied && replied <= to) ? replied : undefined;
  const message = await readPathMessage(tx, place, exact === undefined ? path : pathTo(runs, exact), exact);
  if (message === undefined) {
    const description =
      exact === undefined
        ? "must name a user's message, or what comes after one"
        : "must name a message that is not deleted, or a reply to one";
    throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `message_id: ${description}`, {
      violations: [{ field: "message_id", description, rule: "reference" }],
    });
  }
  return {
    message,
    async goOn() {
      if (message.seq !== live) await goTo(tx, caller, row, tree, message.seq);
    },
  };
}
