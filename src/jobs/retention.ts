// Runs retention policies: a conversation at a time, in transactions of a few hundred entries.
import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { EventType } from "../domain/event-type.ts";
import { systemCaller } from "../domain/identity/caller.ts";
import { audit } from "../store/audit/audit.ts";
import { appendToLog, markConversationDeleted } from "../store/conversations/conversations.ts";
import type { Database } from "../store/database.ts";
import { beginPurge, purgeConversation } from "../store/purge/purge.ts";
import { lockDue, type PolicyRow, type RunRow, readPolicy, windowsOf } from "../store/retention/policies.ts";
import { endRun, type Progress, renewRun, takeRun } from "../store/retention/runs.ts";
import { erasePieces } from "./purge.ts";

/** Entries of a log that one transaction erases: it holds its locks for well under 50 ms. */
const PIECE = 500;
/** The audit entries have no request. */
const ORIGIN = { requestId: "", address: "" };
const DELETE = 2;

/**
 * Runs the policies of a tenant that are due, and those that another server has left. Several servers may do this at once: each
 * run is one server's. Returns how many conversations were deleted and purged.
 */
export async function runRetention(
  database: Database,
  tenantId: string,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
): Promise<number> {
  let changed = 0;
  while (!signal?.aborted) {
    const run = await takeRun(database, tenantId, signal);
    if (run === undefined) break;
    changed += await go(database, tenantId, run, purgeAfterDays, signal);
  }
  return changed;
}

async function go(
  database: Database,
  tenantId: string,
  run: RunRow,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
): Promise<number> {
  const policy = await readPolicy(database, tenantId, run.policy_id, signal);
  let changed = 0;
  if (policy !== undefined) {
    for await (const { lastId, due, held } of windowsOf(database, tenantId, policy, run.last_id, signal)) {
      const progress: Progress = { deleted: 0, purged: 0, held: Number(held), failed: 0 };
      for (const id of due) {
        if (signal?.aborted) return changed;
        await actOnOne(database, tenantId, policy, id, progress, purgeAfterDays, signal);
        changed += progress.deleted + progress.purged;
        if (!(await renewRun(database, tenantId, run.id, null, progress))) break;
        Object.assign(progress, { deleted: 0, purged: 0, held: 0, failed: 0 });
      }
      if (!(await renewRun(database, tenantId, run.id, lastId, progress))) break;
    }
  }
  // An interrupted run is not at its end: another round goes on with it.
  if (signal?.aborted) return changed;
  const server = systemCaller(tenantId, "server");
  await database.transaction(signal, async (tx) => {
    const ended = await endRun(tx, tenantId, run.id);
    if (ended === undefined) return;
    const { name, deleted, purged, held, failed } = ended;
    const counts = { deleted: Number(deleted), purged: Number(purged), held: Number(held), failed: Number(failed) };
    const details = { name, ...counts };
    await audit(tx, server, ORIGIN, {
      ...{ action: "retention_policy.run", resourceType: "retention_policy", resourceId: run.policy_id },
      details,
    });
  });
  return changed;
}

/** Deletes or purges one conversation, and counts what came of it. */
async function actOnOne(
  database: Database,
  tenantId: string,
  policy: PolicyRow,
  id: string,
  progress: Progress,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
): Promise<void> {
  try {
    const done =
      policy.action === DELETE
        ? await deleteOne(database, tenantId, policy, id, purgeAfterDays, signal)
        : await purgeOne(database, tenantId, policy, id, signal);
    if (done) progress[policy.action === DELETE ? "deleted" : "purged"]++;
  } catch (error) {
    if (signal?.aborted) return;
    const held = error instanceof DomainError && error.reason === ErrorReason.HELD;
    progress[held ? "held" : "failed"]++;
  }
}

function deleteOne(
  database: Database,
  tenantId: string,
  policy: PolicyRow,
  id: string,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
): Promise<boolean> {
  const server = systemCaller(tenantId, "server");
  return database.transaction(
    signal,
    async (tx) => {
      if (!(await lockDue(tx, tenantId, id, policy))) return false;
      await markConversationDeleted(tx, server, id, true, purgeAfterDays);
      const event = { type: EventType.CONVERSATION_DELETED, data: {} };
      await appendToLog(tx, server, id, [event], { changesConversation: true });
      await audit(tx, server, ORIGIN, actOn("delete", id, policy));
      return true;
    },
    { conversation: { tenantId, id } },
  );
}

async function purgeOne(
  database: Database,
  tenantId: string,
  policy: PolicyRow,
  id: string,
  signal?: Interrupt,
): Promise<boolean> {
  const server = systemCaller(tenantId, "server");
  const begun = await database.transaction(signal, async (tx) => {
    if (!(await lockDue(tx, tenantId, id, policy))) return false;
    await beginPurge(tx, server, id);
    return true;
  });
  if (!begun) return false;
  await erasePieces(database, server, id, signal, PIECE);
  await database.transaction(signal, async (tx) => {
    await purgeConversation(tx, server, id);
    await audit(tx, server, ORIGIN, actOn("purge", id, policy));
  });
  return true;
}

function actOn(action: string, id: string, { id: policyId }: PolicyRow) {
  const details = { retention_policy_id: policyId };
  return { action: `conversation.${action}`, resourceType: "conversation", resourceId: id, details };
}
