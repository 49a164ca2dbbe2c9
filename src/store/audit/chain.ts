// Seals the audit log of a tenant: gives its entries their places and hashes in a chain, after they were committed.
import { randomBytes } from "node:crypto";
import { chainStart, digestOf, nextHash, SALT_BYTES } from "../../domain/audit/chain.ts";
import { toAuditEntry } from "../../domain/audit/entry.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { systemCaller } from "../../domain/identity/caller.ts";
import type { Database, Queryable } from "../database.ts";
import { beginErasing } from "../legal-holds/legal-holds.ts";
import { audit } from "./audit.ts";
import * as sql from "./chain-statements.ts";

export type { ChainRow, SealedRow } from "./chain-statements.ts";

/** Entries that one transaction seals or removes. */
const PIECE = 500;
/** Old entries are removed once a day: each removal is an entry itself. */
const EVERY_DAYS = 1;
/** A place that no chain reaches: who put an end or an entry there falsified it. */
const UNREACHABLE = 2n ** 62n;

export async function tenantsToSeal(on: Queryable, signal?: Interrupt): Promise<string[]> {
  return (await on.query(sql.tenantsToSeal, [], signal)).map(({ tenant_id }) => tenant_id);
}

/** Seals what is committed. Several servers may do this at once. Returns how many entries it has sealed. */
export async function sealAudit(database: Database, tenantId: string, signal?: Interrupt): Promise<number> {
  let sealed = 0;
  for (let count = 1; count > 0; sealed += count) {
    count = await database.transaction(signal, async (tx) => {
      const [chain] = await tx.query(sql.lockChain, [tenantId, chainStart(tenantId)]);
      if (chain === undefined) return 0;
      const rows = await tx.query(sql.lockUnsealed, [tenantId, PIECE]);
      const past = rows.length > 0 || chain.seq === 0n ? await leavePlace(tx, tenantId, chain.seq) : undefined;
      if (rows.length === 0) return 0;
      const salts = rows.map(() => randomBytes(SALT_BYTES).toString("hex"));
      const digests = rows.map((row, place) => digestOf(toEntry(row), salts[place] ?? ""));
      let hash = past ?? chain.hash;
      const hashes = digests.map((digest) => {
        hash = nextHash(hash, digest);
        return hash;
      });
      await tx.query(sql.seal, [tenantId, rows.map(({ id }) => id), salts, digests, hashes]);
      return rows.length;
    });
  }
  return sealed;
}

/**
 * Where entries stand past the end of a locked chain, or that end was put out of reach, moves it behind them and leaves
 * one place empty: entries are sealed on, and every check finds that the chain is broken there, as long as the entries
 * around the place are kept. Returns the hash that the next entry follows; undefined: nothing stands there.
 */
async function leavePlace(tx: Queryable, tenantId: string, end: bigint): Promise<string | undefined> {
  const [past] = await tx.query(sql.pastEnd, [tenantId, UNREACHABLE]);
  if (past === undefined && end < UNREACHABLE) return undefined;
  const hash = past?.hash ?? chainStart(tenantId);
  await tx.query(sql.moveEnd, [tenantId, (past?.seq ?? 0n) + 1n, hash]);
  return hash;
}

/** An entry of the contract, without its seal. */
export function toEntry(row: sql.EntryRow) {
  const { resource_type: resourceType, resource_id: resourceId, request_id: requestId, create_time: createTime } = row;
  return toAuditEntry({ ...row, resourceType, resourceId, requestId, createTime });
}

/** Undefined: nothing was ever sealed, or the chain's row was deleted and nothing was sealed since. */
export async function readChain(on: Queryable, tenantId: string, signal?: Interrupt) {
  return (await on.query(sql.readChain, [tenantId], signal))[0];
}

/** Entries in the order of the chain. */
export function chainPage(
  on: Queryable,
  tenantId: string,
  { after, upTo, limit }: { readonly after: bigint; readonly upTo: bigint; readonly limit: number },
  signal?: Interrupt,
): Promise<sql.SealedRow[]> {
  return on.query(sql.chainPage, [tenantId, after, upTo, limit], signal);
}

/** Removes entries that are older than the tenant keeps them, from the beginning of the chain. Returns how many. */
export async function dropOldAudit(database: Database, tenantId: string, signal?: Interrupt): Promise<number> {
  let dropped = 0;
  for (let count = PIECE; count === PIECE && !signal?.aborted; dropped += count) {
    count = await database.transaction(signal, async (tx) => {
      await beginErasing(tx, tenantId);
      await tx.query(sql.lockEnds, [tenantId]);
      const [gone] = await tx.query(sql.dropOld, [tenantId, PIECE, dropped === 0 ? EVERY_DAYS : 0]);
      if (gone?.seq == null) return 0;
      const details = { count: Number(gone.count), last_sequence: String(gone.seq), last_hash: gone.hash ?? "" };
      const act = { action: "audit.drop", resourceType: "tenant", resourceId: tenantId, details };
      const id = await audit(tx, systemCaller(tenantId, "server"), { requestId: "", address: "" }, act);
      await tx.query(sql.noteDrop, [tenantId, id]);
      return Number(gone.count);
    });
  }
  return dropped;
}
