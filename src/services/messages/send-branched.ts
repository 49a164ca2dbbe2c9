// Sends messages that name others: in a transaction, for what they name is looked up, and another branch may become
// live.
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { checkClientIds, clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import type { Queryable } from "../../store/database.ts";
import { findSent } from "../../store/messages/client-ids.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { toDraft, toMessage } from "../convert.ts";
import { checkParents, followParent } from "./branches.ts";
import { appendNaming } from "./references.ts";
import type { Sending } from "./send.ts";

/** `field` names the message at a place in errors. */
export async function sendBranched(
  tx: Queryable,
  caller: Caller,
  { conversationId, messages, participantsOnly = false, ids = [] }: Sending,
  rolePolicy: RolePolicy,
  field: (index: number) => string,
): Promise<Message[]> {
  checkClientIds(messages);
  checkParents(messages);
  const drafts = messages.map((message, index) => ({ ...toDraft(message), id: ids[index] }));
  rolePolicy.check(caller, drafts, field);
  const row = await lockVisible(tx, caller, conversationId);
  if (participantsOnly && !row.is_participant) throw notFound("conversation");
  requireWrite(caller, row);

  const known = await knownOf(tx, caller, row.id, drafts, field);
  const added = drafts.filter(({ clientId }) => clientId === undefined || !known.has(clientId));
  let next = 0n;
  if (added.length > 0) {
    requireOpen(row.status);
    const parentId = added[0] === drafts[0] ? (messages[0]?.parentId ?? "") : "";
    if (parentId !== "") await followParent(tx, caller, row, parentId, `${field(0)}.parent_id`);
    const naming = added.map((draft) => {
      const index = drafts.indexOf(draft);
      return { draft, naming: messages[index] as Message, field: field(index) };
    });
    const last = await appendNaming(tx, caller, row, naming, parentId);
    next = (last ?? 0n) - BigInt(added.length) + 1n;
  }
  const sent: Message[] = [];
  for (const { clientId = "" } of drafts) {
    const stored = known.get(clientId) ?? (await readLockedMessage(tx, caller, row.id, next++));
    if (stored === undefined) throw new Error("a message that was just added is not there");
    sent.push(toMessage(stored));
  }
  return sent;
}

async function knownOf(
  tx: Queryable,
  caller: Caller,
  id: string,
  drafts: readonly MessageDraft[],
  field: (index: number) => string,
): Promise<Map<string, MessageRow>> {
  const known = new Map<string, MessageRow>();
  for (const [index, draft] of drafts.entries()) {
    const stored = await findSent(tx, caller, id, draft);
    if (stored?.same === false) throw clientIdTaken(`${field(index)}.client_id`);
    if (stored !== undefined) known.set(draft.clientId ?? "", stored);
  }
  return known;
}
