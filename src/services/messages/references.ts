// Checks the references of a message when it is sent: the message that it replies to, and its mentions.
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { runOf } from "../../domain/branches/runs.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { filesIn } from "../../domain/files/named.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import { partsText } from "../../domain/parts/stored.ts";
import { summaryFault } from "../../domain/turns/summary.ts";
import { readRuns } from "../../store/branches/branches.ts";
import { type LockedRow, readParticipants } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { appendMessages } from "../../store/messages/sends.ts";
import * as store from "../../store/replies/replies.ts";
import { requireManage } from "../conversations/access.ts";

/** What one message names. */
export type Naming = Pick<Message, "replyTo" | "mentions" | "parentId" | "sender">;

const ALL = "@all";
/**
 * Maximum participants that "@all" stands for, and maximum members that the messages of one request mention together.
 */
const MAX_ALL = 1_000;
const MAX_MENTIONS = 10_000;

/**
 * Whether a message says what the statements of plain sends do not take: what must be looked up, or a name of its
 * sender.
 */
export function needsTransaction(message: Message): boolean {
  const { kind, parentId, replyTo, mentions, sender, clientId, parts } = message;
  if (kind === MessageKind.SUMMARY) return true;
  const names = parentId !== "" || replyTo !== "" || mentions.length > 0 || sender?.displayName !== undefined;
  return names || (clientId !== "" && parts.length > 0 && filesIn(partsText(parts)).length > 0);
}

/**
 * Adds messages at the end of a locked conversation, with what they name. `field` names the message at a place in
 * errors. Returns the number of the last; undefined: there is none.
 */
export async function appendNaming(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  added: readonly { readonly draft: MessageDraft; readonly naming: Naming; readonly field: string }[],
  parentId: string,
): Promise<bigint | undefined> {
  const fieldOf = (index: number) => added[index]?.field ?? "";
  checkSummaries(
    added.map(({ draft }) => draft),
    row.last_seq,
    fieldOf,
  );
  await checkReplies(tx, caller, row, added);
  const mentioned = await membersMentioned(tx, caller, row, added);
  const references = added.map(({ naming }) => ({
    replyTo: naming.replyTo.toLowerCase() || null,
    mentions: naming.mentions.length > 0 ? [...new Set(naming.mentions)] : null,
  }));
  const drafts = added.map(({ draft }) => draft);
  const last = await appendMessages(tx, caller, row.id, drafts, {
    fieldOf,
    parentId: parentId.toLowerCase(),
    references,
  });
  if (last === undefined) return undefined;
  const replies = new Map<string, number>();
  for (const { draft, naming } of added) {
    const id = naming.replyTo.toLowerCase();
    if (id !== "" && draft.kind === MessageKind.MESSAGE) replies.set(id, (replies.get(id) ?? 0) + 1);
  }
  await store.countReplies(tx, caller.tenantId, row.id, replies);
  const first = last - BigInt(added.length) + 1n;
  const mentions = mentioned.flatMap((ids, index) => ids.map((memberId) => ({ seq: first + BigInt(index), memberId })));
  await store.addMentions(tx, caller.tenantId, row.id, mentions);
  return last;
}

/** Throws INVALID_FIELD for a summary of entries that are not there: up to `last` they are. */
export function checkSummary({ kind, parts }: Pick<MessageDraft, "kind" | "parts">, last: bigint, field: string): void {
  const fault = summaryFault(kind, parts, last);
  if (fault === undefined) return;
  throw invalidField(`${field}.parts[${fault.part}].data.json`, fault.rule, "summary.through_seq");
}

/** The same for entries that come one after the other, the first of them after `last`. */
export function checkSummaries(
  drafts: readonly Pick<MessageDraft, "kind" | "parts">[],
  last: bigint,
  fieldOf: (index: number) => string,
): void {
  for (const [index, draft] of drafts.entries()) checkSummary(draft, last + BigInt(index), fieldOf(index));
}

/** Throws as {@link appendNaming} would. */
export async function checkNaming(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  added: readonly { readonly naming: Naming; readonly field: string }[],
): Promise<void> {
  await checkReplies(tx, caller, row, added);
  await membersMentioned(tx, caller, row, added);
}

/** Throws UNKNOWN_REFERENCE for a reply to what is no message of the conversation, or is deleted. */
async function checkReplies(
  tx: Queryable,
  { tenantId }: Caller,
  { id, segmented }: LockedRow,
  added: readonly { readonly naming: Naming; readonly field: string }[],
): Promise<void> {
  const asked = new Set(added.map(({ naming }) => naming.replyTo.toLowerCase()).filter((replyTo) => replyTo !== ""));
  if (asked.size === 0) return;
  const places = await store.placesOf(tx, tenantId, [...asked].filter(isOurId));
  const runs = await readRuns(tx, { tenantId, id, segmented });
  for (const { naming, field } of added) {
    if (naming.replyTo === "") continue;
    const place = places.get(naming.replyTo.toLowerCase());
    if (place !== undefined && runOf(runs, place.seq)?.source === place.conversation_id) continue;
    throw unknown(`${field}.reply_to`, "is not a message of the conversation");
  }
}

/** The members that each message mentions. Throws UNKNOWN_REFERENCE for one who takes no part. */
async function membersMentioned(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  added: readonly { readonly naming: Naming; readonly field: string }[],
): Promise<string[][]> {
  const asked = new Set(added.flatMap(({ naming }) => naming.mentions));
  if (asked.size === 0) return [];
  let all: string[] = [];
  if (asked.delete(ALL)) {
    requireManage(caller, row);
    all = await store.participantIds(tx, caller.tenantId, row.id, MAX_ALL + 1);
    if (all.length > MAX_ALL) {
      const description = `${ALL} mentions at most ${MAX_ALL} participants`;
      throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, {
        quota: { subject: `conversation:${row.id}`, description },
      });
    }
  }
  const there = new Set(
    asked.size === 0 ? [] : (await readParticipants(tx, caller, row.id, [...asked])).map(({ member_id }) => member_id),
  );
  const mentioned = added.map(({ naming, field }) => {
    for (const [index, name] of naming.mentions.entries()) {
      if (name !== ALL && !there.has(name))
        throw unknown(`${field}.mentions[${index}]`, "takes no part in the conversation");
    }
    return naming.mentions.includes(ALL) ? all : [...new Set(naming.mentions)];
  });
  if (mentioned.reduce((sum, { length }) => sum + length, 0) > MAX_MENTIONS) {
    throw invalidField("messages", `must mention at most ${MAX_MENTIONS} members together`, "messages.mentions");
  }
  return mentioned;
}

function unknown(field: string, description: string): DomainError {
  return new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    violations: [{ field, description, rule: "reference" }],
  });
}
