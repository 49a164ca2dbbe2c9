// Checks the chain of hashes over the audit log of a tenant, a page at a time, and finds where it is broken first.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AuditBreak_Kind as Kind, type VerifyAuditResponseSchema } from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { chainStart, digestOf, nextHash } from "../../domain/audit/chain.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { chainPage, readChain, type SealedRow, sealAudit, toEntry } from "../../store/audit/chain.ts";
import type { Database } from "../../store/database.ts";

/** Entries that one call checks, and that one statement reads. */
export const MAX_CHECKED = 100_000;
const PAGE = 500;

/** An entry that is known to be whole. */
interface Place {
  readonly seq: bigint;
  readonly hash: string;
}

interface Break {
  readonly kind: Kind;
  readonly sequence: bigint;
  readonly auditEntryId?: string;
}

/** @param known the entry after which it begins, with the hash that it had; undefined: at the beginning */
export async function verifyAudit(
  database: Database,
  tenantId: string,
  known: Place | undefined,
  signal: Interrupt,
  limit = MAX_CHECKED,
): Promise<MessageInitShape<typeof VerifyAuditResponseSchema>> {
  const untouched = (await readChain(database, tenantId, signal))?.beyond == null;
  if (untouched) await sealAudit(database, tenantId, signal);
  const ends = await readChain(database, tenantId, signal);
  const first: Place = { seq: ends?.dropped_seq ?? 0n, hash: ends?.dropped_hash ?? chainStart(tenantId) };
  const last: Place = { seq: ends?.seq ?? 0n, hash: ends?.hash ?? chainStart(tenantId) };
  const firstSequence = first.seq >= 0n && first.seq < last.seq ? first.seq + 1n : 0n;
  const checked = { entryCount: 0n, erasedCount: 0n, firstSequence };
  const read = (after: bigint, upTo = last.seq, most = PAGE) =>
    chainPage(database, tenantId, { after, upTo, limit: Math.min(most, PAGE) }, signal);

  const start = known === undefined || known.seq < first.seq ? first : known;
  const told = (at: Place, found?: Break) => {
    const complete = found === undefined && at.seq === last.seq;
    const result = { ...checked, lastSequence: at.seq, lastHash: at.hash, complete };
    return found === undefined ? result : { ...result, break: found };
  };
  const inserted = async (seq: bigint): Promise<Break> => {
    const [row] = await read(seq - 1n, seq);
    return { kind: Kind.INSERTED, sequence: placeOf(seq), ...(row && { auditEntryId: row.id }) };
  };
  if (ends?.vouched === false && start === first) {
    return told({ seq: 0n, hash: chainStart(tenantId) }, { kind: Kind.REMOVED, sequence: placeOf(first.seq) });
  }
  if (ends?.before != null) return told(first, await inserted(ends.before));
  if (start === known) {
    const found = await brokenSince(known, first, (seq) => read(seq - 1n, seq));
    if (found !== undefined) return told(first, found);
  }

  let at = start;
  while (at.seq < last.seq && checked.entryCount < BigInt(limit)) {
    const rows = await read(at.seq, last.seq, limit - Number(checked.entryCount));
    if (rows.length === 0) return told(at, { kind: Kind.REMOVED, sequence: at.seq + 1n });
    for (const [index, row] of rows.entries()) {
      const found = await brokenAt(row, at, rows[index + 1], read);
      if (found !== undefined) return told(at, found);
      at = { seq: row.seq, hash: row.hash };
      checked.entryCount++;
      if (row.salt === null) checked.erasedCount++;
    }
  }
  if (at.seq >= last.seq) {
    if (at.seq === last.seq && at.hash !== last.hash) return told(at, { kind: Kind.REWRITTEN, sequence: at.seq });
    if (ends?.beyond != null) return told(at, await inserted(ends.beyond));
    if (at.seq > last.seq) return told(at, { kind: Kind.REWRITTEN, sequence: at.seq });
  }
  return told(at);
}

/** The contract has no places below 0. */
function placeOf(seq: bigint): bigint {
  return seq < 0n ? 0n : seq;
}

/** What was done to an entry whose hash somebody has kept. */
async function brokenSince(
  known: Place,
  first: Place,
  readOne: (seq: bigint) => Promise<SealedRow[]>,
): Promise<Break | undefined> {
  if (known.seq === first.seq) {
    return known.hash === first.hash ? undefined : { kind: Kind.REWRITTEN, sequence: known.seq };
  }
  const [row] = await readOne(known.seq);
  if (row === undefined) return { kind: Kind.REMOVED, sequence: known.seq };
  return row.hash === known.hash ? undefined : { kind: Kind.REWRITTEN, sequence: known.seq, auditEntryId: row.id };
}

async function brokenAt(
  row: SealedRow,
  before: Place,
  next: SealedRow | undefined,
  read: (after: bigint) => Promise<SealedRow[]>,
): Promise<Break | undefined> {
  const sequence = before.seq + 1n;
  if (row.seq !== sequence) return { kind: Kind.REMOVED, sequence };
  const broken = (kind: Kind): Break => ({ kind, sequence, auditEntryId: row.id });
  const hash = nextHash(before.hash, row.digest);
  const changed = row.salt !== null && !saysWhatItSaid(row, row.salt);
  if (row.hash === hash) return changed ? broken(Kind.CHANGED) : undefined;
  // Only its hash or digest was changed, if the next one still follows what it was.
  if (next === undefined || changed || next.hash === nextHash(hash, next.digest)) return broken(Kind.CHANGED);
  return broken(await whatStandsHere(row, before, read));
}

function saysWhatItSaid(row: SealedRow, salt: string): boolean {
  try {
    return digestOf(toEntry(row), salt) === row.digest;
  } catch {
    // Such as a time that no entry can have.
    return false;
  }
}

/** What came of the entry that followed `before`, where another one stands now: it reads the chain to its end. */
async function whatStandsHere(
  row: SealedRow,
  before: Place,
  read: (after: bigint) => Promise<SealedRow[]>,
): Promise<Kind> {
  let followed = false;
  let after = before.seq;
  for (let rows = await read(after); rows.length > 0; rows = await read(after)) {
    for (const other of rows) {
      // The entry whose hash it follows stands behind it: it was moved here.
      if (row.hash === nextHash(other.hash, row.digest)) return Kind.REORDERED;
      followed ||= other.hash === nextHash(before.hash, other.digest);
      after = other.seq;
    }
  }
  return followed ? Kind.INSERTED : Kind.REMOVED;
}
