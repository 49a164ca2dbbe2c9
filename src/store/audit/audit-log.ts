// Reads the audit log of a tenant.
import type { FilterQuery, InferEntity } from "@mikro-orm/core";
import type { Database } from "../database.ts";
import { translate } from "../driver/errors.ts";
import type { AuditEntity } from "../orm/entities/record.ts";

export interface AuditList {
  readonly actor: string | undefined;
  /** Whether it is an API key whose acts for members count too: their rows name the key, a colon, and the member. */
  readonly forAnyone: boolean;
  readonly action: string | undefined;
  readonly resourceType: string | undefined;
  readonly resourceId: string | undefined;
  /** Inclusive. */
  readonly start: Date | undefined;
  /** Exclusive. */
  readonly end: Date | undefined;
  /** The id before which the page begins. */
  readonly before: string | undefined;
  readonly limit: number;
}

export type AuditRow = InferEntity<typeof AuditEntity>;

/** A page of entries, newest first. */
export async function listAudit(database: Database, tenantId: string, list: AuditList): Promise<AuditRow[]> {
  const { actor, forAnyone, action, resourceType, resourceId, start, end, before, limit } = list;
  const where: FilterQuery<AuditRow> = {
    tenantId,
    ...(actor !== undefined && (forAnyone ? { $or: [{ actor }, { actor: actingForAnyone(actor) }] } : { actor })),
    ...(action !== undefined && { action }),
    ...(resourceType !== undefined && { resourceType }),
    ...(resourceId !== undefined && { resourceId }),
    ...((start ?? end) && { createTime: { ...(start && { $gte: start }), ...(end && { $lt: end }) } }),
    ...(before !== undefined && { id: { $lt: before } }),
  };
  try {
    const [em, entities] = await Promise.all([database.fork(), import("../orm/entities/record.ts")]);
    return await em.find(entities.AuditEntity, where, { orderBy: { id: "desc" }, limit });
  } catch (error) {
    throw translate(error);
  }
}

/** The texts that begin with an API key's and a colon: the column is ordered by byte, and `;` comes after `:`. */
function actingForAnyone(key: string) {
  return { $gte: `${key}:`, $lt: `${key};` };
}
