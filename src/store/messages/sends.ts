// Adds messages to logs: one send, a batch of sends, or within a transaction.

import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newIds } from "../../domain/ids/id.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { Queryable } from "../database.ts";
import { fileColumnsOf, namedFiles, nameFilesOf } from "../files/named-files.ts";
import { sendWithFiles } from "../log/send-statement.ts";
import * as log from "../log/statements.ts";
import { kindColumn } from "./columns.ts";
import { sendMany as manySends, sendManyNamed as namedSends, type SendManyRow } from "./send-many-statement.ts";

export type { SendRow } from "../log/statements.ts";
export type { SendManyRow } from "./send-many-statement.ts";

/** The idempotency key of a send. */
export interface SendKey {
  readonly method: string;
  readonly key: string;
  readonly fingerprint: Uint8Array;
}

/** Converts drafts to one array for each column. */
export function columnsOf(drafts: readonly MessageDraft[]): [number[], string[], (string | null)[], (Date | null)[]] {
  return [
    drafts.map(({ role }) => role),
    drafts.map(({ content }) => content),
    drafts.map(({ metadata }) => (metadata === undefined ? null : JSON.stringify(metadata))),
    drafts.map(({ clientTime }) => clientTime ?? null),
  ];
}

/** The same for what plain messages have none of. A kind is null for a message. */
export function partColumnsOf(drafts: readonly MessageDraft[]): [(MessageKind | null)[], (string | null)[]] {
  return [drafts.map(({ kind }) => kindColumn(kind)), drafts.map(({ parts }) => parts ?? null)];
}

function clientIdsOf(drafts: readonly MessageDraft[]): (string | null)[] {
  return drafts.map(({ clientId }) => clientId ?? null);
}

/** Whether it has messages with client ids, which are looked for before it adds them. */
export function namesMessages({ drafts }: Pick<Send, "drafts">): boolean {
  return drafts.some(({ clientId }) => clientId !== undefined);
}

/** Messages that one caller adds to a conversation, with consecutive numbers. */
export interface Send {
  readonly caller: Caller;
  readonly conversationId: string;
  readonly ids: readonly string[];
  readonly drafts: readonly MessageDraft[];
  readonly key: SendKey | undefined;
  /** Whether the caller sees the conversation only as a participant. */
  readonly participantsOnly: boolean;
}

/**
 * The whole send in one round trip. It must have no client ids: {@link sendMany} takes those. Names of senders are not
 * added. Undefined: the caller does not see the conversation.
 */
export async function send(
  on: Queryable,
  { caller, conversationId, ids, drafts, key, participantsOnly }: Send,
  signal?: Interrupt,
): Promise<log.SendRow | undefined> {
  const named = namedFiles(drafts);
  const [row] = await on.query(
    (named === undefined ? log.send : sendWithFiles)[caller.viewer.kind],
    [
      caller.tenantId,
      caller.memberId,
      conversationId,
      caller.actor,
      ids,
      ...columnsOf(drafts),
      caller.name,
      key?.method ?? "",
      key?.key ?? null,
      key?.fingerprint ?? null,
      participantsOnly,
      ...partColumnsOf(drafts),
      ...(named === undefined ? [] : fileColumnsOf(named)),
    ],
    signal,
  );
  return row;
}

/**
 * Several sends to one conversation by callers of one kind, in one round trip; outcomes in the same order. Breaks a
 * unique index if a message with one of their client ids came meanwhile: nothing was done, and a repeat finds it.
 */
export async function sendMany(
  on: Queryable,
  sends: readonly Send[],
  signal?: Interrupt,
): Promise<(SendManyRow | undefined)[]> {
  const [first] = sends;
  if (first === undefined) return [];
  const drafts = sends.flatMap((one) => one.drafts);
  const named = sends.some(namesMessages);
  const rows = await on.query(
    (named ? namedSends : manySends)[first.caller.viewer.kind],
    [
      first.caller.tenantId,
      first.conversationId,
      sends.map(({ caller }) => caller.memberId),
      sends.map(({ caller }) => caller.actor),
      sends.map(({ caller }) => caller.name),
      sends.map(({ key }) => key?.method ?? ""),
      sends.map(({ key }) => key?.key ?? null),
      sends.map(({ key }) => key?.fingerprint ?? null),
      sends.map(({ ids }) => ids.length),
      sends.map(({ participantsOnly }) => participantsOnly),
      sends.flatMap(({ ids }, index) => ids.map(() => index + 1)),
      sends.flatMap(({ ids }) => ids),
      ...columnsOf(drafts),
      ...partColumnsOf(drafts),
      ...(named ? [clientIdsOf(drafts)] : []),
    ],
    signal,
  );
  return rows.map((row) => (row.visible || row.in_progress ? row : undefined));
}

/** What messages name, one for each. */
export interface References {
  /** Names the message at an index in errors. */
  readonly fieldOf: (index: number) => string;
  /** Of the first message. Empty: none. */
  readonly parentId: string;
  readonly references: readonly { readonly replyTo: string | null; readonly mentions: readonly string[] | null }[];
}

/**
 * Adds messages at the end of a locked conversation, with what they name. Returns the number of the last one; undefined
 * if there is none.
 */
export async function appendMessages(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  drafts: readonly MessageDraft[],
  { fieldOf, parentId = "", references = [] }: Pick<References, "fieldOf"> & Partial<References>,
): Promise<bigint | undefined> {
  if (drafts.length === 0) return undefined;
  const made = newIds(drafts.length);
  const ids = drafts.map(({ id }, index) => id ?? made[index]);
  const place = [caller.tenantId, conversationId, caller.actor, ids];
  const columns = [...columnsOf(drafts), ...partColumnsOf(drafts), clientIdsOf(drafts)];
  const parents = drafts.map((_, index) => (index === 0 && parentId !== "" ? parentId : null));
  const replies = drafts.map((_, index) => references[index]?.replyTo ?? null);
  const mentions = drafts.map((_, index) => {
    const ids = references[index]?.mentions ?? null;
    return ids && JSON.stringify(ids);
  });
  const names = drafts.map(({ senderName }) => senderName ?? null);
  const [row] = await tx.query(log.appendMessages, [...place, ...columns, parents, replies, mentions, names]);
  if (row !== undefined) await nameFilesOf(tx, caller, conversationId, drafts, row.last_seq, fieldOf);
  return row?.last_seq;
}
