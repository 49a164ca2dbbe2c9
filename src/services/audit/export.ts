// ExportAuditEntries: the audit log in the order of its chain.
import { create } from "@bufbuild/protobuf";
import { type AuditEntry, AuditSealSchema } from "../../../gen/colloquy/v1/audit_entry_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { chainPage, readChain, type SealedRow, sealAudit, toEntry } from "../../store/audit/chain.ts";
import type { Database } from "../../store/database.ts";

const PAGE = 500;

/** @param renew called before each page; throws where the caller may call no more */
export async function* exportAudit(
  database: Database,
  tenantId: string,
  after: bigint,
  signal: Interrupt,
  renew?: () => Promise<unknown>,
): AsyncGenerator<AuditEntry> {
  // A chain with entries past its end cannot be sealed: it is exported as it is.
  if ((await readChain(database, tenantId, signal))?.beyond == null) await sealAudit(database, tenantId, signal);
  const upTo = (await readChain(database, tenantId, signal))?.seq ?? 0n;
  for (let place = after; place < upTo; ) {
    await renew?.();
    const rows = await chainPage(database, tenantId, { after: place, upTo, limit: PAGE }, signal);
    if (rows.length === 0) return;
    for (const row of rows) {
      yield toSealedEntry(row);
      place = row.seq;
    }
  }
}

function toSealedEntry(row: SealedRow): AuditEntry {
  const { seq: sequence, salt, digest, hash } = row;
  return { ...toEntry(row), seal: create(AuditSealSchema, { sequence, salt: salt ?? "", digest, hash }) };
}
