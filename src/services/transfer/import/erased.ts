// What an import may not bring back: what members wrote, said and were that have been erased, and conversations that
// went with them.
import { ERASED } from "../../../domain/identity/actor.ts";
import type { Queryable } from "../../../store/database.ts";
import { findErased } from "../../../store/erasure/rest.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";
import type { ImportedConversation, ImportedPart } from "../../../store/transfer/import.ts";
import type { ImportedItem, ImportedRevision } from "../../../store/transfer/import-entries.ts";
import type { ImportLine, ReadLine } from "./line.ts";

/**
 * Lines without what was erased, and how many were left out whole. An entry of an erased member keeps its place in the
 * log.
 */
export async function withoutErased(
  tx: Queryable,
  tenantId: string,
  lines: readonly ReadLine[],
): Promise<{ readonly lines: readonly ReadLine[]; readonly left: number }> {
  const good = lines.filter((line) => line.kind !== "bad");
  const erased = await findErased(tx, tenantId, good.flatMap(membersIn), good.map(conversationOf));
  if (erased.members.size + erased.conversations.size === 0) return { lines, left: 0 };
  const { members } = erased;
  const kept = lines.filter((line) => line.kind === "bad" || !erased.conversations.has(conversationOf(line)));
  return {
    lines: members.size === 0 ? kept : kept.map((line) => (line.kind === "bad" ? line : scrub(line, members))),
    left: lines.length - kept.length,
  };
}

function conversationOf(line: ImportLine): string {
  return line.kind === "conversation" ? line.item.id : line.conversationId;
}

/** The members that a line names, and others who may be none. */
function membersIn(line: ImportLine): string[] {
  switch (line.kind) {
    case "conversation": {
      const owner = line.item.values.owner_id;
      const own = typeof owner === "string" ? [line.item.creator, owner] : [line.item.creator];
      return [...own, ...line.item.participants.map(({ member_id }) => member_id)];
    }
    case "parts":
      return line.parts.map(({ member_id }) => member_id);
    case "revisions":
      return line.revisions.map(({ editor }) => editor);
    case "reactions":
      return line.reactions.map(({ actor }) => actor);
    case "entry":
      return membersOf(line.item);
  }
}

function membersOf(item: ImportedItem): string[] {
  if (item.kind === "event") {
    const { member_id: memberId } = item.row.data;
    return typeof memberId === "string" ? [item.row.actor, memberId] : [item.row.actor];
  }
  const { sender, mentions } = item.row;
  return [sender, ...(mentions ?? []), ...item.revisions.map(({ editor }) => editor)];
}

type Members = ReadonlySet<string>;

function scrub(line: ImportLine, erased: Members): ImportLine {
  switch (line.kind) {
    case "conversation":
      return { ...line, item: scrubConversation(line.item, erased) };
    case "parts":
      return { ...line, parts: line.parts.filter(({ member_id }) => !erased.has(member_id)) as ImportedPart[] };
    case "revisions":
      return { ...line, revisions: scrubTexts(line.revisions, "", erased).revisions };
    case "reactions":
      return { ...line, reactions: line.reactions.filter(({ actor }) => !erased.has(actor)) };
    case "entry":
      return { ...line, item: scrubItem(line.item, erased) };
  }
}

function scrubConversation(item: ImportedConversation, erased: Members): ImportedConversation {
  const participants = item.participants.filter(({ member_id }) => !erased.has(member_id));
  const { owner_id: owner } = item.values;
  const owned = typeof owner === "string" && erased.has(owner);
  if (!owned && !erased.has(item.creator)) return { ...item, participants };
  const values = {
    ...item.values,
    ...{
      owner_id: owned ? null : owner,
      title: "",
      metadata: null,
      persona: null,
      profile_info: null,
      state_json: null,
    },
  };
  return { ...item, participants, creator: erased.has(item.creator) ? ERASED : item.creator, values, clientId: null };
}

function scrubItem(item: ImportedItem, erased: Members): ImportedItem {
  if (item.kind === "event") {
    const { actor, data } = item.row;
    const gone = typeof data.member_id === "string" && erased.has(data.member_id);
    if (!erased.has(actor))
      return gone ? { ...item, row: { ...item.row, data: { ...data, member_id: ERASED } } } : item;
    // The name of a reaction may be words.
    const without = { ...(gone && { member_id: ERASED }), ...("reaction" in data && { reaction: "" }) };
    return { ...item, row: { ...item.row, actor: ERASED, data: { ...data, ...without } } };
  }
  if (erased.has(item.row.sender)) return { ...item, row: emptied(item.row), revisions: [] };
  const mentions = item.row.mentions?.filter((id) => !erased.has(id)) ?? [];
  const { revisions, text, author } = scrubTexts(item.revisions, item.row.sender, erased);
  const row = { ...item.row, mentions: mentions.length > 0 ? mentions : null };
  return { ...item, row: erased.has(author) ? { ...row, ...text } : row, revisions };
}

/**
 * Texts of a message before, each by an erased member replaced by the one before it that somebody else wrote. `text` is
 * the last that somebody else wrote, `author` who wrote the text after them: a revision names who replaced it.
 *
 * @param first who wrote the first of them
 */
function scrubTexts(revisions: readonly ImportedRevision[], first: string, erased: Members) {
  let text: Pick<ImportedRevision, "content" | "metadata" | "parts"> = { content: "", metadata: null, parts: null };
  let author = first;
  const scrubbed = revisions.map((row) => {
    if (!erased.has(author)) text = { content: row.content, metadata: row.metadata, parts: row.parts };
    author = row.editor;
    return { ...row, ...text, editor: erased.has(author) ? ERASED : author };
  });
  return { revisions: scrubbed, text, author };
}

/** A message without what its sender said. */
function emptied(row: MessageRow): MessageRow {
  return {
    ...row,
    ...{ sender: ERASED, sender_name: null, content: "", metadata: null, parts: null, mentions: null },
    ...{ client_id: null, client_time: null, delete_time: row.delete_time ?? row.create_time },
  };
}
