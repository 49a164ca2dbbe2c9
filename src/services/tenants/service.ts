// TenantService: the tenants themselves. It is for super administrators, who need not be of any tenant.
import { create, enumToJson, equals } from "@bufbuild/protobuf";
import { OutsideReads, OutsideReadsSchema, type Tenant, TenantSchema } from "../../../gen/colloquy/v1/tenant_pb.ts";
import * as pb from "../../../gen/colloquy/v1/tenant_service_pb.ts";
import type { TenantRecord } from "../../access/store-interfaces.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { checkUpdateEtags } from "../../domain/updates/etag.ts";
import { fieldsToUpdate, refuseNothing } from "../../domain/updates/field-mask.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/directory/tenants.ts";
import { forgetPresence } from "../../store/presence/presence.ts";
import { toTimestamp } from "../convert.ts";
import { actOnce } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { makeTenant } from "./create-tenant.ts";

export interface TenantServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  readonly findTenant: (name: string) => Promise<TenantRecord | undefined>;
  /** Told of the names of a tenant that was made or changed, so that servers read it again. */
  readonly forgetTenant: (...names: string[]) => void;
}

export function createTenantService(options: TenantServiceOptions): ServiceEntry {
  const { database, secrets, findTenant, forgetTenant } = options;
  const { method } = pb.TenantService;

  const idOf = async (name: string): Promise<string> => {
    const found = await findTenant(name);
    if (found === undefined) throw notFound("tenant");
    return found.id;
  };

  return serve(pb.TenantService, {
    async createTenant(request, context) {
      const { slug = "", displayName = "" } = request.tenant ?? {};
      if (slug === "") throw invalidField("tenant.slug", "must be set", "string.min_len");
      const callerIn = (tenantId: string) => inTenant(context.principal, tenantId);
      const response = await database.transaction(context.interrupt, async (tx) => {
        // A repeat finds the tenant that it made the first time, and there the response.
        const { made, caller } = await makeTenant(tx, { slug, name: displayName }, callerIn, context);
        return actOnce(tx, method.createTenant, request, context, caller, async () => {
          const tenant = made ? await store.lockTenant(tx, caller.tenantId) : undefined;
          if (tenant === undefined) throw new DomainError(ErrorReason.ALREADY_EXISTS, "tenant.slug: is already in use");
          tenant.presenceOff = request.tenant?.presenceOff ?? false;
          tenant.outsideReads = request.tenant?.outsideReads || OutsideReads.ALWAYS;
          tenant.auditRetentionDays = request.tenant?.auditRetentionDays ?? 0;
          return { tenant: toTenant(tenant) };
        });
      });
      forgetTenant(slug);
      return response;
    },

    async getTenant({ tenantId }) {
      const tenant = await store.readTenant(database, await idOf(tenantId));
      if (tenant === undefined) throw notFound("tenant");
      return { tenant: toTenant(tenant) };
    },

    async listTenants(request, { principal }) {
      const first = await store.readFirstTenant(database);
      if (first === undefined) return {};
      const { items, ...page } = await paginate(
        secrets,
        inTenant(principal, first),
        pb.ListTenantsRequestSchema,
        request,
        {
          item: TenantSchema,
          read: ({ after, limit }) => store.listTenants(database, after?.[0], limit),
          convert: toTenant,
          key: ({ slug }) => [slug],
          heavy: true,
        },
      );
      return { tenants: items, ...page };
    },

    async updateTenant(request, context) {
      const caller = inTenant(context.principal, await idOf(request.tenantId));
      const response = await database.transaction(context.interrupt, (tx) =>
        actOnce(tx, method.updateTenant, request, context, caller, async () => {
          const tenant = await store.lockTenant(tx, caller.tenantId);
          if (tenant === undefined) throw notFound("tenant");
          const wanted = request.tenant ?? create(TenantSchema);
          checkUpdateEtags(request, wanted, tenant.updateTime.getTime());
          const fields = fieldsToUpdate(TenantSchema, wanted, request.updateMask?.paths, SETTINGS);
          refuseNothing(fields, request.updateMask);
          const changed = change(tenant, wanted, fields);
          if (changed !== undefined) {
            if (changed.presence_off === "true") await forgetPresence(tx, tenant.id);
            // Two changes within a millisecond still differ in their etag.
            tenant.updateTime = new Date(Math.max(Date.now(), tenant.updateTime.getTime() + 1));
            const act = { action: "tenant.update", resourceType: "tenant", resourceId: tenant.id, details: changed };
            await audit(tx, caller, context, act);
          }
          return { tenant: toTenant(tenant) };
        }),
      );
      forgetTenant(caller.tenantId, response.tenant?.slug ?? "");
      return response;
    },
  });
}

const SETTINGS = ["audit_retention_days", "display_name", "outside_reads", "presence_off"] as const;

/** Sets fields of a tenant. Returns the new values of those that change, but for its name; undefined: none does. */
function change(tenant: store.Tenant, wanted: Tenant, fields: readonly string[]): Record<string, string> | undefined {
  const before = toTenant(tenant);
  if (fields.includes("display_name")) tenant.name = wanted.displayName;
  if (fields.includes("presence_off")) tenant.presenceOff = wanted.presenceOff;
  if (fields.includes("audit_retention_days")) tenant.auditRetentionDays = wanted.auditRetentionDays;
  if (fields.includes("outside_reads")) tenant.outsideReads = wanted.outsideReads || OutsideReads.ALWAYS;
  const after = toTenant(tenant);
  if (equals(TenantSchema, before, after)) return undefined;
  return {
    ...(after.presenceOff !== before.presenceOff && { presence_off: String(after.presenceOff) }),
    ...(after.auditRetentionDays !== before.auditRetentionDays && {
      audit_retention_days: String(after.auditRetentionDays),
    }),
    ...(after.outsideReads !== before.outsideReads && {
      outside_reads: String(enumToJson(OutsideReadsSchema, after.outsideReads)),
    }),
  };
}

/** The caller as it acts upon a tenant that need not be its own. Its permission has been checked. */
function inTenant(principal: Principal, tenantId: string): Caller {
  return callerFrom(principal.kind === "anonymous" ? principal : { ...principal, tenantId });
}

function toTenant(tenant: store.Tenant): Tenant {
  return create(TenantSchema, {
    id: tenant.id,
    slug: tenant.slug,
    displayName: tenant.name,
    presenceOff: tenant.presenceOff,
    auditRetentionDays: tenant.auditRetentionDays,
    outsideReads: tenant.outsideReads as OutsideReads,
    etag: `${tenant.updateTime.getTime()}`,
    createTime: toTimestamp(tenant.createTime),
    updateTime: toTimestamp(tenant.updateTime),
  });
}
