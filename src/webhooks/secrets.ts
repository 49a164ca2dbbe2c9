// The secrets of an endpoint, as they are stored and as they are sent.
import type { Sealer, SealOwner } from "../agents/secrets/sealing.ts";
import type { EndpointRow } from "../store/webhooks/endpoints.ts";

function ownerOf(tenantId: string, id: string): SealOwner {
  return { tenantId, id, kind: "webhook" };
}

export function sealSecret(sealer: Sealer, tenantId: string, id: string, secret: string): Buffer {
  return sealer.seal(secret, ownerOf(tenantId, id));
}

/** Null: there are none. */
export function sealHeaders(
  sealer: Sealer,
  tenantId: string,
  id: string,
  headers: Readonly<Record<string, string>>,
): Buffer | null {
  return Object.keys(headers).length === 0 ? null : sealer.seal(JSON.stringify(headers), ownerOf(tenantId, id));
}

/** The headers of each request. Throws if they were stored under another key. */
export function openHeaders(sealer: Sealer, tenantId: string, { id, headers }: EndpointRow): Record<string, string> {
  return headers === null ? {} : (JSON.parse(sealer.open(headers, ownerOf(tenantId, id))) as Record<string, string>);
}

/** The secrets that sign at the time: the current one first. Throws if they were stored under another key. */
export function openSecrets(sealer: Sealer, tenantId: string, row: EndpointRow): () => readonly string[] {
  const owner = ownerOf(tenantId, row.id);
  const secret = sealer.open(row.secret, owner);
  const { previous_secret: previous, previous_secret_expire_time: until } = row;
  if (previous === null || until === null) return () => [secret];
  const old = sealer.open(previous, owner);
  return () => (Date.now() < until.getTime() ? [secret, old] : [secret]);
}
