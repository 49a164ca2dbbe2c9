// Erases deleted conversations whose time has come, some at a time.
import type { Caller } from "../domain/caller.ts";
import { audit } from "./audit.ts";
import { purgeConversation } from "./conversations.ts";
import type { Database } from "./database.ts";
import { conversationsToPurge } from "./statements/conversations.ts";

const BATCH = 10;
/** Nobody asked for it but the clock. */
const ORIGIN = { requestId: "", address: "" };

/** Answers how many were erased; fewer are due when it is 0. Several servers may do this at once. */
export function purgeDue(database: Database, tenantId: string): Promise<number> {
  const server: Caller = { tenantId, memberId: null, viewer: { kind: "tenant" }, actor: "server", name: "server" };
  return database.transaction(undefined, async (tx) => {
    const due = await tx.query(conversationsToPurge, [tenantId, BATCH]);
    for (const { id } of due) {
      await purgeConversation(tx, server, id);
      await audit(tx, server, ORIGIN, { action: "conversation.purge", resourceType: "conversation", resourceId: id });
    }
    return due.length;
  });
}
