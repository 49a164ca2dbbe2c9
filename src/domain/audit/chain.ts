// The chain of hashes over the audit log of a tenant: each hash covers an entry and the hash before it. All are
// hexadecimal.
import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { type AuditEntry, AuditEntrySchema } from "../../../gen/colloquy/v1/audit_entry_pb.ts";

export const SALT_BYTES = 16;

/** What the first entry's hash covers in place of a hash before it: no chain passes for that of another tenant. */
export function chainStart(tenantId: string): string {
  return sha256(tenantId);
}

/**
 * Of what an entry says. The salt is forgotten once the erasure of a person changes the entry: a name could otherwise
 * be found by trying.
 *
 * Empty fields are left out, so that a field which is added to the contract leaves the digests of entries from before
 * as they are.
 */
export function digestOf(entry: AuditEntry, salt: string): string {
  const { seal, ...json } = toJson(AuditEntrySchema, entry) as Record<string, unknown>;
  return sha256(canonical({ ...json, salt }));
}

export function nextHash(before: string, digest: string): string {
  return sha256(before + digest);
}

/** RFC 8785, for values that are texts and objects of them. */
function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
