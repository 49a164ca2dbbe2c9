// What an agent gets of a conversation's entries.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { pairCalls } from "../../domain/turns/call-pairs.ts";
import { ProviderConsents } from "../../domain/turns/provider-consents.ts";
import type { MessageRow } from "../../store/messages/messages.ts";

/**
 * A result for each call, and no questions and answers of people: whether a tool may run is settled here, but for the
 * tools of a provider that asked, which goes on only with its own question and the answer to that.
 */
export function contextOf(rows: readonly MessageRow[]): MessageRow[] {
  const consents = new ProviderConsents();
  const shown = rows.filter(
    (row) =>
      consents.has(row) || (row.kind !== MessageKind.APPROVAL_REQUEST && row.kind !== MessageKind.APPROVAL_RESPONSE),
  );
  return pairCalls(shown, (entry, call) => ({ ...call, ...entry, sender: call.sender }));
}
