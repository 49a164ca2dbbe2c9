// Replaces the messages of a conversation by a new list: computes the difference by position, in batches.
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDiff, MessageDraft, StoredMessage } from "../../domain/messages/diff.ts";
import { diffMessages } from "../../domain/messages/diff.ts";
import { checkSenderNames, type RolePolicy } from "../../domain/messages/role-policy.ts";
import { type AuditOrigin, audit } from "../../store/audit/audit.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { freeClientIds } from "../../store/messages/client-ids.ts";
import { readInheritedAfter } from "../../store/messages/inherited.ts";
import { applyDiff, placesAfter, readMessagesAfter } from "../../store/messages/messages.ts";
import { toStoredMessage } from "../convert.ts";
import { checkSummaries, checkSummary } from "./references.ts";

/** The most messages that are read with their texts at once; fewer where they are long. */
const READ_PIECE = 200;

/** The most messages that are added at once. */
const ADD_PIECE = 1_000;

/** The messages that a conversation shall have. */
export interface WantedList {
  readonly wanted: readonly MessageDraft[];
  /** What the list stands for: entries of other kinds stay as they are. */
  readonly kinds: readonly MessageKind[];
  /** The field of the request that holds them. Default: `messages`. */
  readonly field?: string;
}

export interface ReplaceCounts {
  unchanged: number;
  edited: number;
  deleted: number;
  added: number;
}

/**
 * Makes the messages of a locked conversation those given, within one transaction: each statement does a bounded part
 * of it, so that none meets the limit of a statement, however long the conversation is.
 */
export async function replaceMessages(
  tx: Queryable,
  caller: Caller,
  { id, segmented }: Pick<LockedRow, "id" | "segmented">,
  list: WantedList,
  origin: AuditOrigin,
  rolePolicy: RolePolicy,
): Promise<ReplaceCounts> {
  const { kinds, field = "messages" } = list;
  const inherited = segmented ? await checkInherited(tx, caller, id, list, field) : 0;
  const wanted = list.wanted.slice(inherited);
  await rolePolicy.checkList(caller, wanted, storedPieces(tx, caller, id, kinds));
  const counts: ReplaceCounts = { unchanged: inherited, edited: 0, deleted: 0, added: 0 };
  let place = 0;
  const claimed = new Set(wanted.flatMap(({ clientId }) => clientId ?? []));
  const fieldOf = (index: number) => `${field}[${inherited + place + index}]`;
  const apply = async (diff: MessageDiff, edit = fieldOf) => {
    checkSenderNames(caller, diff.additions, () => field);
    await claimClientIds(tx, caller, id, diff.additions);
    const last = (await applyDiff(tx, caller, id, diff, { edit, addition: fieldOf })) ?? 0n;
    checkSummaries(diff.additions, last - BigInt(diff.additions.length), fieldOf);
    counts.unchanged += diff.unchanged;
    counts.edited += diff.edits.length;
    counts.deleted += diff.deletions.length;
    counts.added += diff.additions.length;
  };

  let after = 0n;
  let more = true;
  while (more && place < wanted.length) {
    const rows = await readMessagesAfter(tx, caller, id, after, Math.min(READ_PIECE, wanted.length - place), kinds);
    const stored = rows.map(toStoredMessage);
    const { additions, deletions, ...common } = diffMessages(stored, wanted.slice(place, place + rows.length), claimed);
    const edited = common.edits.map(({ before }) => stored.findIndex(({ id: same }) => same === before.id));
    const fieldOfEdit = (index: number) => fieldOf(edited[index] ?? 0);
    for (const [index, edit] of common.edits.entries()) {
      if (edit.parts !== edit.before.parts) checkSummary(edit, edit.before.seq - 1n, fieldOfEdit(index));
    }
    await apply({ ...common, additions: [], deletions: [] }, fieldOfEdit);
    const count = rows.length - deletions.length;
    place += count;
    after = stored[count - 1]?.seq ?? after;
    // An entry of another kind: it goes, and all after it.
    more = rows.length > 0 && deletions.length === 0;
  }
  for (;;) {
    const deletions = await placesAfter(tx, caller, id, after, kinds);
    if (deletions.length === 0) break;
    await apply({ unchanged: 0, edits: [], deletions, additions: [] });
    after = deletions.at(-1)?.seq ?? after;
  }
  for (; place < wanted.length; place += ADD_PIECE) {
    await apply({ unchanged: 0, edits: [], deletions: [], additions: wanted.slice(place, place + ADD_PIECE) });
  }
  if (counts.deleted > 0) {
    const details = { count: counts.deleted };
    await audit(tx, caller, origin, {
      action: "message.replace",
      resourceType: "conversation",
      resourceId: id,
      details,
    });
  }
  return counts;
}

/**
 * The number of messages that a fork inherits, which the list must begin with, as they are shown: they can be changed
 * in the origin only. Throws INVALID_FIELD.
 */
async function checkInherited(
  tx: Queryable,
  caller: Caller,
  id: string,
  { wanted, kinds }: WantedList,
  field: string,
): Promise<number> {
  let count = 0;
  for (let after = 0n; ; ) {
    const rows = await readInheritedAfter(tx, caller, id, after, READ_PIECE, kinds);
    for (const row of rows) {
      const { unchanged } = diffMessages([toStoredMessage(row)], wanted.slice(count, count + 1));
      if (unchanged === 0) {
        const rule = `must be entry ${row.seq}, which the conversation inherits: it can be changed in its origin only`;
        throw invalidField(`${field}[${count}]`, rule, "messages.inherited");
      }
      count++;
    }
    if (rows.length === 0) return count;
    after = rows.at(-1)?.seq ?? after;
  }
}

/**
 * Messages that are added take the client ids of deleted ones. Throws ALREADY_EXISTS if a message that stays has one.
 */
async function claimClientIds(tx: Queryable, caller: Caller, id: string, added: readonly MessageDraft[]) {
  const clientIds = added.flatMap(({ clientId }) => clientId ?? []);
  if (clientIds.length === 0) return;
  const [taken] = await freeClientIds(tx, caller, id, clientIds);
  if (taken !== undefined) throw clientIdTaken("messages.client_id");
}

async function* storedPieces(
  tx: Queryable,
  caller: Caller,
  id: string,
  kinds: readonly MessageKind[],
): AsyncGenerator<StoredMessage[]> {
  for (let after = 0n; ; ) {
    const rows = await readMessagesAfter(tx, caller, id, after, READ_PIECE, kinds);
    if (rows.length === 0) return;
    yield rows.map(toStoredMessage);
    after = rows.at(-1)?.seq ?? after;
  }
}
