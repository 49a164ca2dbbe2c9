// By which fields a request says what it is about, and to which conversation that belongs.
import { callerFrom } from "../domain/identity/caller.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import type { Queryable } from "../store/database.ts";
import { readScheduled } from "../store/drafts/drafts.ts";
import { isNamedIn } from "../store/files/files.ts";
import { locateMessage } from "../store/messages/messages.ts";
import { followTurn } from "../store/turns/turns.ts";

/** Past the end of every reply, so that none of its text is read. PostgreSQL counts from one more, in an integer. */
const NO_TEXT = 2 ** 31 - 2;

export type Locate = (on: Queryable, context: CallContext, id: string, only: string) => Promise<string | undefined>;

/** The fields by which a request says what it is about, and the conversation of that. */
export const SUBJECTS: readonly (readonly [field: string, locate: Locate])[] = [
  ["conversationId", async (_, __, id) => id.toLowerCase()],
  [
    "messageId",
    async (on, { principal, interrupt }, id) =>
      (await locateMessage(on, callerFrom(principal), id, interrupt))?.conversation_id,
  ],
  [
    "turnId",
    async (on, { principal, interrupt }, id) =>
      (await followTurn(on, callerFrom(principal), id, NO_TEXT, interrupt))?.conversation_id,
  ],
  [
    "scheduledMessageId",
    async (on, { principal, interrupt }, id) =>
      (await readScheduled(on, callerFrom(principal), id.toLowerCase(), interrupt))?.conversation_id,
  ],
  [
    "fileId",
    // A file may be in several.
    async (on, { principal, interrupt }, id, only) =>
      (await isNamedIn(on, callerFrom(principal).tenantId, id, only, interrupt)) ? only : undefined,
  ],
];
