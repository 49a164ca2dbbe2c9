// Erases what a tenant keeps of a member outside of conversations, a piece at a time, and finds the conversations.
import type { Interrupt } from "../../domain/cancellation.ts";
import { systemCaller } from "../../domain/identity/caller.ts";
import type { Database, Queryable } from "../database.ts";
import { eraseFile, logFileDeleted } from "../files/erasure.ts";
import { beginErasing } from "../legal-holds/legal-holds.ts";
import { erasePresence } from "../presence/presence.ts";
import { emptyEndpointResponses } from "./endpoint-responses.ts";
import type { Counts } from "./erasure.ts";
import * as sql from "./tenant-statements.ts";
import * as walk from "./walk-statements.ts";

export { buryConversation, buryMember, digUpMember, findErased } from "./tombstones.ts";

const FIRST = "00000000-0000-0000-0000-000000000000";
const PIECE = 500;
/** Conversations that one statement looks at. */
const WINDOW = 200;

/** The id of a legal hold that covers a member as a whole. */
export async function holdOnMember(tx: Queryable, tenantId: string, memberId: string): Promise<string | undefined> {
  return (await tx.query(walk.holdOnMember, [tenantId, memberId]))[0]?.id;
}

export async function countConversations(tx: Queryable, tenantId: string): Promise<bigint> {
  return (await tx.query(walk.countConversations, [tenantId]))[0]?.count ?? 0n;
}

/** Whether nobody else has to do with a locked conversation. */
export async function isAlone(tx: Queryable, tenantId: string, id: string, memberId: string): Promise<boolean> {
  return (await tx.query(walk.isAlone, [tenantId, id, memberId]))[0]?.alone ?? false;
}

export interface Window {
  readonly lastId: string;
  readonly looked: number;
  /** Those in which the member left something, and their places among those looked at, from 1. */
  readonly found: readonly { readonly id: string; readonly place: number }[];
}

/**
 * Those of the next conversations in which the member left something; undefined: there are no more.
 *
 * @param after the conversation after which it looks; null: from the beginning
 * @param since only those that changed since; null: all
 */
export async function nextWindow(
  on: Queryable,
  tenantId: string,
  memberId: string,
  after: string | null,
  since: Date | null,
  signal?: Interrupt,
): Promise<Window | undefined> {
  const [row] = await on.query(walk.nextWindow, [tenantId, after ?? FIRST, memberId, since, WINDOW], signal);
  if (!row?.last_id) return undefined;
  const found = (row.ids ?? []).map((id, index) => ({ id, place: row.places?.[index] ?? 0 }));
  return { lastId: row.last_id, looked: row.looked, found };
}

/** What there is of a member now. */
export async function countAll(on: Queryable, tenantId: string, memberId: string, signal?: Interrupt) {
  const [files] = await on.query(walk.countFiles, [tenantId, memberId], signal);
  const [keys] = await on.query(walk.countKeys, [tenantId, memberId], signal);
  const own = { files: files?.count ?? 0n, keys: keys?.count ?? 0n };
  const sum = {
    conversations: 0n,
    alone: 0n,
    held: 0n,
    messages: 0n,
    edited: 0n,
    changed: 0n,
    ...own,
  };
  for (let after: string | null = FIRST; after !== null; ) {
    const values: unknown[] = [tenantId, after, memberId, null, WINDOW];
    const [row] = await on.query(walk.countWindow, values, signal);
    sum.conversations += row?.involved ?? 0n;
    sum.alone += row?.alone ?? 0n;
    sum.held += row?.held ?? 0n;
    sum.messages += row?.messages ?? 0n;
    sum.edited += row?.edited ?? 0n;
    sum.changed += row?.changed ?? 0n;
    after = row?.last_id ?? null;
  }
  return sum;
}

/** Erases the member's files, one a transaction. `note` counts each in its transaction. */
export async function eraseFiles(
  database: Database,
  tenantId: string,
  memberId: string,
  note: (tx: Queryable, counts: Counts) => Promise<void>,
  signal?: Interrupt,
): Promise<void> {
  const { actor } = systemCaller(tenantId, "server");
  for (;;) {
    const ids = (await database.query(sql.ownFiles, [tenantId, memberId, PIECE], signal)).map(({ id }) => id);
    if (ids.length === 0) return;
    for (const id of ids) {
      await database.transaction(signal, async (tx) => {
        await logFileDeleted(tx, tenantId, id, actor);
        await beginErasing(tx, tenantId);
        if (await eraseFile(tx, tenantId, id)) await note(tx, { files: 1 });
      });
    }
  }
}

/** How many of the member's files a legal hold keeps. */
export async function countHeldFiles(on: Queryable, tenantId: string, memberId: string): Promise<bigint> {
  return (await on.query(sql.heldFiles, [tenantId, memberId]))[0]?.count ?? 0n;
}

/** Erases what is neither in conversations nor in files, and removes the name from what others keep. Returns counts. */
export async function eraseRest(
  database: Database,
  tenantId: string,
  memberId: string,
  signal?: Interrupt,
): Promise<Counts> {
  const own = [tenantId, memberId];
  let responses = 0;
  for (let count = 1; count > 0; responses += count) {
    const [row] = await database.query(sql.forgetRequests, [...own, PIECE], signal);
    count = Number(row?.count ?? 0n);
  }
  await emptyEndpointResponses(database, tenantId, signal);
  let entries = 0;
  for (let after: string | null = FIRST; after !== null; ) {
    const values: unknown[] = [...own, after, PIECE];
    const [row] = await database.query(sql.renameAudit, values, signal);
    entries += Number(row?.count ?? 0n);
    after = row?.last_id ?? null;
  }
  await database.query(sql.endUploads, own, signal);
  await database.query(sql.renameFiles, own, signal);
  await database.query(sql.renameRest, own, signal);
  return { stored_responses: responses, audit_entries: entries };
}

/** The last of it: then nothing in the tenant names the member. */
export async function forgetMember(tx: Queryable, tenantId: string, memberId: string): Promise<void> {
  await erasePresence(tx, tenantId, memberId);
  await tx.query(sql.forgetMember, [tenantId, memberId]);
}
