// Runs retention policies: a conversation at a time, in transactions of a few hundred entries.
import { setTimeout } from "node:timers/promises";
import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { EventType } from "../domain/event-type.ts";
import { systemCaller } from "../domain/identity/caller.ts";
import { audit } from "../store/audit/audit.ts";
import { appendToLog, markConversationDeleted } from "../store/conversations/conversations.ts";
import type { Database } from "../store/database.ts";
import { emptyEndpointResponses } from "../store/erasure/endpoint-responses.ts";
import { checkFree } from "../store/legal-holds/legal-holds.ts";
import { beginPurge, purgeConversation } from "../store/purge/purge.ts";
import { beginContentErasure, endContentErasure, eraseContentPiece } from "../store/retention/content.ts";
import {
  ConversationLocked,
  lockDue,
  type PolicyRow,
  type RunRow,
  readPolicy,
  windowsOf,
} from "../store/retention/policies.ts";
import { endRun, type Progress, renewRun, takeRun } from "../store/retention/runs.ts";
import type { GiveWay } from "./give-way.ts";
import { erasePieces } from "./purge.ts";

/** Entries of a log that one transaction erases: it holds its locks for well under 50 ms. */
const PIECE = 500;
/** The audit entries have no request. */
const ORIGIN = { requestId: "", address: "" };
const CONTENT_PIECE = 100;
const NOTHING: Readonly<Progress> = { deleted: 0, purged: 0, erased: 0, held: 0, failed: 0 };

/** A call holds its conversation for a few milliseconds: so often it is tried again, and after so many. */
const TRIES = 6;
const LOCKED_MS = 100;
const DELETE = 2;

/** What an action does to one conversation, and as what it counts. */
const ACTIONS: Readonly<Record<number, readonly [act: Act, counts: "deleted" | "purged" | "erased"]>> = {
  [DELETE]: [deleteOne, "deleted"],
  3: [purgeOne, "purged"],
  4: [eraseContentOf, "erased"],
};

interface Work {
  readonly database: Database;
  readonly tenantId: string;
  readonly policy: PolicyRow;
  readonly purgeAfterDays: number | undefined;
  readonly signal: Interrupt | undefined;
  /** Called between the pieces of a conversation. */
  readonly rest: () => Promise<void>;
}

/** False: the policy is not about the conversation any more. Throws ConversationLocked. */
type Act = (work: Work, id: string) => Promise<boolean>;

/**
 * Runs the policies of a tenant that are due, and those that another server has left. Several servers may do this at
 * once: each run is one server's. Returns how many conversations were deleted, purged and emptied.
 */
export async function runRetention(
  database: Database,
  tenantId: string,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
  giveWay?: GiveWay,
): Promise<number> {
  let changed = 0;
  while (!signal?.aborted) {
    const run = await takeRun(database, tenantId, signal);
    if (run === undefined) break;
    changed += await go(database, tenantId, run, purgeAfterDays, signal, giveWay);
  }
  return changed;
}

async function go(
  database: Database,
  tenantId: string,
  run: RunRow,
  purgeAfterDays: number | undefined,
  signal?: Interrupt,
  giveWay?: GiveWay,
): Promise<number> {
  const policy = await readPolicy(database, tenantId, run.policy_id, signal);
  let changed = 0;
  // A conversation may have so many pieces that the rests between them take longer than another server waits.
  const rest = async () => {
    await giveWay?.();
    await renewRun(database, tenantId, run.id, null, NOTHING);
  };
  if (policy !== undefined) {
    for await (const { lastId, due, held } of windowsOf(database, tenantId, policy, run.last_id, signal)) {
      const progress: Progress = { ...NOTHING };
      let passed = 0;
      for (const id of due) {
        if (signal?.aborted) return changed;
        await actOnOne({ database, tenantId, policy, purgeAfterDays, signal, rest }, id, progress);
        changed += progress.deleted + progress.purged + progress.erased;
        // What an interrupted run has not passed is looked at, and counted, by the one that goes on with it.
        const reached = signal?.aborted ? null : id;
        for (; reached !== null && (held[passed] ?? "~") < reached; passed++) progress.held++;
        if (!(await renewRun(database, tenantId, run.id, reached, progress))) break;
        Object.assign(progress, NOTHING);
        await giveWay?.();
      }
      if (signal?.aborted) return changed;
      progress.held += held.length - passed;
      if (!(await renewRun(database, tenantId, run.id, lastId, progress))) break;
    }
  }
  // An interrupted run is not at its end: another round goes on with it.
  if (signal?.aborted) return changed;
  const mayHaveErased = changed > 0 || run.last_id !== null;
  if (mayHaveErased && policy?.action !== DELETE) await emptyEndpointResponses(database, tenantId, signal);
  const server = systemCaller(tenantId, "server");
  await database.transaction(signal, async (tx) => {
    const ended = await endRun(tx, tenantId, run.id);
    if (ended === undefined) return;
    const counts = Object.keys(NOTHING).map((kind) => [kind, Number(ended[kind as keyof Progress])]);
    const details = { name: ended.name, ...Object.fromEntries(counts) };
    await audit(tx, server, ORIGIN, {
      ...{ action: "retention_policy.run", resourceType: "retention_policy", resourceId: run.policy_id },
      details,
    });
  });
  return changed;
}

/** Does what the policy says to one conversation, and counts what came of it. */
async function actOnOne(work: Work, id: string, progress: Progress): Promise<void> {
  const action = ACTIONS[work.policy.action];
  if (action === undefined) throw new Error(`a policy has the action ${work.policy.action}`);
  const [act, counts] = action;
  for (let tries = 1; ; tries++) {
    try {
      if (await act(work, id)) progress[counts]++;
      return;
    } catch (error) {
      if (work.signal?.aborted) return;
      if (error instanceof ConversationLocked && tries < TRIES) {
        await setTimeout(LOCKED_MS);
        continue;
      }
      const held = error instanceof DomainError && error.reason === ErrorReason.HELD;
      progress[held ? "held" : "failed"]++;
      return;
    }
  }
}

function deleteOne({ database, tenantId, policy, purgeAfterDays, signal }: Work, id: string): Promise<boolean> {
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

async function purgeOne({ database, tenantId, policy, signal, rest }: Work, id: string): Promise<boolean> {
  const server = systemCaller(tenantId, "server");
  const begun = await database.transaction(signal, async (tx) => {
    if (!(await lockDue(tx, tenantId, id, policy))) return false;
    await beginPurge(tx, server, id);
    return true;
  });
  if (!begun) return false;
  await erasePieces(database, server, id, signal, PIECE, rest);
  await database.transaction(signal, async (tx) => {
    await purgeConversation(tx, server, id);
    await audit(tx, server, ORIGIN, actOn("purge", id, policy));
  });
  return true;
}

async function eraseContentOf({ database, tenantId, policy, signal, rest }: Work, id: string): Promise<boolean> {
  const server = systemCaller(tenantId, "server");
  const conversation = { tenantId, id };
  const holds = await checkFree(database, tenantId, id);
  const lastSeq = await database.transaction(
    signal,
    async (tx) => ((await lockDue(tx, tenantId, id, policy)) ? beginContentErasure(tx, tenantId, id) : undefined),
    { conversation },
  );
  if (lastSeq === undefined) return false;
  const extent = { id, lastSeq, holds };
  for (let after: bigint | undefined = 0n; after !== undefined; ) {
    const from: bigint = after;
    after = await database.transaction(signal, (tx) => eraseContentPiece(tx, server, extent, from, CONTENT_PIECE), {
      conversation,
    });
    await rest();
  }
  return database.transaction(
    signal,
    async (tx) => {
      if (!(await endContentErasure(tx, server, extent))) return false;
      await audit(tx, server, ORIGIN, actOn("erase_content", id, policy));
      return true;
    },
    { conversation },
  );
}

function actOn(action: string, id: string, { id: policyId }: PolicyRow) {
  const details = { retention_policy_id: policyId };
  return { action: `conversation.${action}`, resourceType: "conversation", resourceId: id, details };
}
