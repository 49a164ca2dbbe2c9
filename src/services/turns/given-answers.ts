// Whether all that an answer brings was brought before, so that waiting for the turn to ask for it is in vain.
import type { AnswerTurnRequest } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { readParts } from "../../domain/parts/stored.ts";
import type { Queryable } from "../../store/database.ts";
import { type SavedTurnRow, turnEntries } from "../../store/turns/entries.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

/** A call whose id was used before counts by how often it was made and settled. */
export async function areGiven(
  tx: Queryable,
  place: TurnPlace,
  { first_seq, last_seq }: SavedTurnRow,
  { results, approvals }: AnswerTurnRequest,
): Promise<boolean> {
  if (first_seq === null || last_seq === null) return false;
  const open = new Map<string, number>();
  const answered = new Set<string>();
  const settled = new Set<string>();
  let after = first_seq - 1n;
  for (let more = true; more; ) {
    const page = await turnEntries(tx, place, after, last_seq);
    for (const { content } of page.rows.flatMap(({ parts }) => (parts === null ? [] : readParts(parts)))) {
      if (content.case === "approvalResponse") answered.add(content.value.approvalId ?? "");
      else if (content.case === "toolCall") count(open, content.value.callId, 1);
      else if (content.case === "toolResult" && !content.value.preliminary) {
        settled.add(content.value.callId ?? "");
        count(open, content.value.callId, -1);
      }
    }
    after = page.rows.at(-1)?.seq ?? last_seq;
    more = page.more && page.rows.length > 0;
  }
  return (
    approvals.every(({ approvalId = "" }) => answered.has(approvalId)) &&
    results.every(({ callId = "" }) => settled.has(callId) && (open.get(callId) ?? 0) <= 0)
  );
}

function count(open: Map<string, number>, callId = "", by: number): void {
  open.set(callId, (open.get(callId) ?? 0) + by);
}
