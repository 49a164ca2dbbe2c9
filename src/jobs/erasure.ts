// Erases a member: a conversation at a time, in transactions of a few hundred entries, each noted with what it did.
import { createHash } from "node:crypto";
import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { systemCaller } from "../domain/identity/caller.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { audit } from "../store/audit/audit.ts";
import { lockConversation } from "../store/conversations/conversations.ts";
import type { Database, Queryable } from "../store/database.ts";
import { erasePieceOf, type Place, STEPS } from "../store/erasure/erasure.ts";
import * as rest from "../store/erasure/rest.ts";
import * as jobs from "../store/jobs/jobs.ts";
import { checkFree, holdsInForce } from "../store/legal-holds/legal-holds.ts";
import { beginPurge, purgeConversation } from "../store/purge/purge.ts";
import { removeErased, sweepUploads } from "./files.ts";
import type { GiveWay } from "./give-way.ts";
import { erasePieces } from "./purge.ts";

/** Entries of a log that one transaction erases: it holds its locks for well under 50 ms. */
const PIECE = 100;
/** Every server has forgotten by then that the member was there, and has written what it was about to write. */
export const SETTLE_MS = 65_000;
/** How long a job waits for legal holds, unless one is lifted, and how long after a failure. */
const HELD_MS = 24 * 3_600_000;
const RETRY_MS = 60_000;
/** What came before the job was made, by a clock that was a little behind. */
const SKEW_MS = 60_000;
const ORIGIN = { requestId: "", address: "" };
const MAX_FAILURE = 600;

/** Thrown where a job was cancelled meanwhile, so that the transaction is rolled back. */
class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Works on a job until it ends or waits. A job does not end before the bytes of the files that it erased are removed. */
export async function workOn(
  database: Database,
  tenantId: string,
  job: jobs.JobRow,
  settleMs = SETTLE_MS,
  signal?: Interrupt,
  bytes?: ByteStore,
  giveWay?: GiveWay,
): Promise<void> {
  try {
    await goOn(database, tenantId, job, settleMs, signal, bytes, giveWay);
  } catch (error) {
    // Interrupted: it is due again when its lease is over.
    if (signal?.aborted || error instanceof Cancelled) return;
    const why = error instanceof DomainError ? error.message : "an unexpected failure, see the server's log";
    await jobs.pauseJob(database, tenantId, job, RETRY_MS, job.round, why.slice(0, MAX_FAILURE));
    throw error;
  }
}

async function goOn(
  database: Database,
  tenantId: string,
  job: jobs.JobRow,
  settleMs: number,
  signal?: Interrupt,
  bytes?: ByteStore,
  giveWay?: GiveWay,
): Promise<void> {
  const memberId = job.subject ?? "";
  const since = job.round === 2 ? new Date(job.create_time.getTime() - SKEW_MS) : null;
  const holds = await holdsInForce(database, tenantId);
  // The second round looks at recent ones alone, so that what it counts adds to the first.
  if (since === null && job.place === null) await jobs.beginRound(database, tenantId, job.id);
  let waits = false;
  for (let after = job.place; !signal?.aborted; ) {
    const window = await rest.nextWindow(database, tenantId, memberId, after, since, signal);
    if (window === undefined) break;
    let looked = 0;
    // Noted in one step, so that nothing is counted twice when another server goes on.
    const lookedAt = async (conversationId: string, upTo: number, held = 0) => {
      const counted = since === null ? upTo - looked : 0;
      await note(database, tenantId, job.id, { place: conversationId, looked: counted, held });
      looked = upTo;
    };
    for (const { id: conversationId, place: upTo } of window.found) {
      const fate = await eraseIn(database, job.id, { tenantId, conversationId, memberId }, signal, giveWay);
      if (fate === "open") waits = true;
      // The second round comes to those again that the first has counted.
      await lookedAt(conversationId, upTo, fate === "held" && (job.round !== 2 || job.held === 0n) ? 1 : 0);
    }
    await lookedAt(window.lastId, window.looked);
    after = window.lastId;
  }
  if (signal?.aborted) return;
  const own = (tx: Queryable, counts: jobs.Done["counts"]) => note(tx, tenantId, job.id, counts ? { counts } : {});
  await rest.eraseFiles(database, tenantId, memberId, own, signal);
  if (bytes !== undefined) await removeErased(database, bytes, tenantId, signal);
  if (job.round === 1) return jobs.pauseJob(database, tenantId, job, settleMs, 2);
  if (waits) return jobs.pauseJob(database, tenantId, job, settleMs, job.round);
  const held = (await jobs.readJob(database, tenantId, job.id))?.held ?? 0n;
  // Held when this work began: it may not be any more.
  if (held > 0n && (job.round === 2 || job.place !== null)) return jobs.pauseJob(database, tenantId, job, 0, 3);
  const files = await rest.countHeldFiles(database, tenantId, memberId);
  if (held + files > 0n) {
    await jobs.pauseJob(database, tenantId, job, HELD_MS, 3);
    // Lifted meanwhile: nobody else wakes a job that did not wait yet.
    if ((await holdsInForce(database, tenantId)) !== holds) await jobs.wakeHeld(database, tenantId);
    return;
  }
  await finish(database, tenantId, job, memberId, signal, bytes);
}

async function note(on: Queryable, tenantId: string, id: string, done: jobs.Done): Promise<void> {
  if (!(await jobs.noteJob(on, tenantId, id, done))) throw new Cancelled();
}

/** Erases the member in one conversation. "open": a turn that replies to it goes on still. */
async function eraseIn(
  database: Database,
  jobId: string,
  place: Place,
  signal?: Interrupt,
  giveWay?: GiveWay,
): Promise<"done" | "held" | "open"> {
  const { tenantId, conversationId } = place;
  const conversation = { tenantId, id: conversationId };
  try {
    const holds = await checkFree(database, tenantId, conversationId);
    if (await purgeAlone(database, jobId, place, signal)) return "done";
    let open = false;
    for (const step of STEPS) {
      for (let after: bigint | undefined = 0n; after !== undefined; ) {
        const from: bigint = after;
        const piece = await database.transaction(
          signal,
          async (tx) => {
            const did = await erasePieceOf(tx, place, step, from, PIECE, holds);
            await note(tx, tenantId, jobId, { counts: did.counts });
            return did;
          },
          { conversation },
        );
        after = piece.next;
        open ||= piece.open === true;
        await giveWay?.();
      }
    }
    return open ? "open" : "done";
  } catch (error) {
    if (!(error instanceof DomainError && error.reason === ErrorReason.HELD)) throw error;
    return "held";
  }
}

/** Purges a conversation that nobody else has to do with. False: somebody has. */
async function purgeAlone(database: Database, jobId: string, place: Place, signal?: Interrupt): Promise<boolean> {
  const { tenantId, conversationId: id, memberId } = place;
  const server = systemCaller(tenantId, "server");
  const conversation = { tenantId, id };
  // Without a lock first, for this reads the log.
  if (!(await rest.isAlone(database, tenantId, id, memberId))) return false;
  const alone = await database.transaction(
    signal,
    async (tx) => {
      if ((await lockConversation(tx, server, id)) === undefined) return true;
      if (!(await rest.isAlone(tx, tenantId, id, memberId))) return false;
      await beginPurge(tx, server, id);
      await rest.buryConversation(tx, tenantId, id);
      return true;
    },
    { conversation },
  );
  if (!alone) return false;
  await erasePieces(database, server, id, signal, PIECE);
  await database.transaction(
    signal,
    async (tx) => {
      if ((await lockConversation(tx, server, id)) === undefined) return;
      await purgeConversation(tx, server, id);
      const details = { job_id: jobId };
      const act = { action: "conversation.purge", resourceType: "conversation", resourceId: id, details };
      await audit(tx, server, ORIGIN, act);
      await note(tx, tenantId, jobId, { counts: { conversations_purged: 1 } });
    },
    { conversation },
  );
  return true;
}

async function finish(
  database: Database,
  tenantId: string,
  job: jobs.JobRow,
  memberId: string,
  signal?: Interrupt,
  bytes?: ByteStore,
): Promise<void> {
  const counts = await rest.eraseRest(database, tenantId, memberId, signal);
  if (bytes !== undefined) await sweepUploads(database, bytes, tenantId, signal);
  await database.transaction(signal, async (tx) => {
    await note(tx, tenantId, job.id, { counts });
    await rest.forgetMember(tx, tenantId, memberId);
    const ended = await jobs.endJob(tx, tenantId, job.id, jobs.JobEnd.SUCCEEDED);
    if (ended === undefined) throw new Cancelled();
    const details = { job_id: ended.id, receipt_sha256: receiptHash(ended) };
    const act = { action: "member.erased", resourceType: "member", resourceId: "erased", details };
    await audit(tx, systemCaller(tenantId, "server"), ORIGIN, act);
  });
}

/** SHA-256 of the receipt, as the contract says; empty for a job that has not succeeded. */
export function receiptHash(row: jobs.JobRow): string {
  if (row.state !== jobs.JobEnd.SUCCEEDED || row.end_time === null) return "";
  const counts = Object.entries(row.counts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = [row.id, row.subject_hash, row.create_time.toISOString(), row.end_time.toISOString()];
  const text = [...lines, ...counts.map(([name, count]) => `${name}=${count}`)].join("\n");
  return createHash("sha256").update(text).digest("hex");
}
