// AccessService: the API keys of a tenant, and who is calling.
import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import * as pb from "../../../gen/colloquy/v1/access_service_pb.ts";
import { type ApiKey, ApiKeySchema, type ApiKeyScope } from "../../../gen/colloquy/v1/api_key_pb.ts";
import { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { OutsideReads } from "../../../gen/colloquy/v1/tenant_pb.ts";
import { makeApiKey } from "../../access/keys/api-key.ts";
import type { TenantRecord } from "../../access/store-interfaces.ts";
import type { LocalIssuer } from "../../access/tokens/local-issuer.ts";
import { credentialMissing, DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { toAuditActor } from "../../domain/identity/actor.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { SCOPES, type Scope } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database, Transaction } from "../../store/database.ts";
import { roleNumber } from "../../store/directory/access.ts";
import * as store from "../../store/directory/api-keys.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { toDate, toTimestamp } from "../convert.ts";
import { requireScopes } from "../directory/grants.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { createClientToken } from "./client-token.ts";
import { issueApiKey } from "./issue.ts";

const DEFAULT_OVERLAP_MS = 24 * 60 * 60 * 1000;

export interface AccessServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** Told of each key that changed, so that the change shows here at once. */
  readonly forgetKey: (tenantId: string, keyId: string) => void;
  readonly issueForClient: LocalIssuer["issueForClient"];
  readonly findTenant: (id: string) => Promise<TenantRecord | undefined>;
}

export function createAccessService(options: AccessServiceOptions): ServiceEntry {
  const { database, secrets, forgetKey, findTenant, issueForClient } = options;
  const { method } = pb.AccessService;
  const { mutation } = createMutations(database);

  return serve(pb.AccessService, {
    async createApiKey(asked, context) {
      // Not in the response that is stored for retries: the text of a key is stored nowhere.
      let text = "";
      const create = mutation(method.createApiKey, async (tx, caller, { apiKey }) => {
        const { displayName = "", expireTime } = apiKey ?? {};
        const scopes = (apiKey?.scopes ?? []).map(toScope);
        requireScopes(context.principal, scopes);
        const expires = expireTime === undefined ? null : toDate(expireTime);
        if (expires !== null && expires.getTime() <= Date.now()) {
          throw invalidField("api_key.expire_time", "must be in the future");
        }
        const issued = await issueApiKey(tx, caller, context, { name: displayName, scopes, expireTime: expires });
        text = issued.text;
        const entity = issued.key;
        return { apiKey: toApiKey(entity) };
      });
      return { ...(await create(asked, context)), text };
    },

    async listApiKeys(request, { principal }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListApiKeysRequestSchema, request, {
        item: ApiKeySchema,
        read({ after: [before] = [], limit }) {
          return store.listApiKeys(database, caller.tenantId, { showRevoked: request.showRevoked, before, limit });
        },
        convert: toApiKey,
        key: ({ id }) => [id],
        heavy: true,
      });
      return { apiKeys: items, ...page };
    },

    async rotateApiKey(asked, context) {
      let text = "";
      const rotate = mutation(method.rotateApiKey, async (tx, caller, { apiKeyId, overlap }) => {
        const key = await lockKey(tx, caller.tenantId, apiKeyId);
        requireScopes(context.principal, key.scopes as Scope[]);
        const now = new Date();
        if (key.revokeTime || (key.expireTime && key.expireTime <= now)) {
          throw new DomainError(ErrorReason.CONFLICT, "the key was revoked or has expired; create another one");
        }
        const made = makeApiKey(caller.tenantId, key.id);
        text = made.text;
        key.previousSecretHash = key.secretHash;
        key.previousExpireTime = new Date(now.getTime() + (overlap ? durationMs(overlap) : DEFAULT_OVERLAP_MS));
        key.secretHash = Buffer.from(made.secretHash);
        await audit(tx, caller, context, { action: "api_key.rotate", resourceType: "api_key", resourceId: key.id });
        return { apiKey: toApiKey(key) };
      });
      const response = await rotate(asked, context);
      forgetKey(callerFrom(context.principal).tenantId, asked.apiKeyId.toLowerCase());
      return { ...response, text };
    },

    async revokeApiKey(asked, context) {
      const revoke = mutation(method.revokeApiKey, async (tx, caller, { apiKeyId }) => {
        const key = await lockKey(tx, caller.tenantId, apiKeyId);
        if (!key.revokeTime) {
          key.revokeTime = new Date();
          await audit(tx, caller, context, { action: "api_key.revoke", resourceType: "api_key", resourceId: key.id });
        }
        return { apiKey: toApiKey(key) };
      });
      const response = await revoke(asked, context);
      forgetKey(callerFrom(context.principal).tenantId, asked.apiKeyId.toLowerCase());
      return response;
    },

    createClientToken: createClientToken(database, issueForClient),

    async whoAmI(_, { principal }) {
      if (principal.kind === "anonymous") throw credentialMissing();
      const { tenantId = "", memberId = "" } = principal;
      const tenant = tenantId === "" ? undefined : await findTenant(tenantId);
      const role = principal.kind === "key" ? (principal.memberRole ?? "member") : principal.role;
      return {
        tenantId,
        tenantSlug: tenant?.slug ?? "",
        memberId,
        role: memberId === "" ? MemberRole.UNSPECIFIED : (roleNumber(role) as MemberRole),
        apiKeyId: principal.kind === "key" ? principal.keyId : "",
        scopes: principal.kind === "key" ? toScopes([...principal.scopes]) : [],
        outsideReads: (tenant?.outsideReads ?? OutsideReads.UNSPECIFIED) as OutsideReads,
      };
    },
  });
}

async function lockKey(tx: Transaction, tenantId: string, id: string): Promise<store.ApiKey> {
  const key = isOurId(id) ? await store.lockApiKey(tx, tenantId, id) : undefined;
  if (key === undefined) throw notFound("API key");
  return key;
}

// The contract numbers the scopes in the order of SCOPES, from 1 on.
function toScope(scope: ApiKeyScope): Scope {
  return SCOPES[scope - 1] ?? "read";
}

function toScopes(scopes: readonly string[]): ApiKeyScope[] {
  return SCOPES.flatMap((scope, place) => (scopes.includes(scope) ? [(place + 1) as ApiKeyScope] : []));
}

function toApiKey(key: store.ApiKey): ApiKey {
  return create(ApiKeySchema, {
    id: key.id,
    tenantId: key.tenantId,
    displayName: key.name,
    scopes: toScopes(key.scopes),
    creator: toAuditActor(key.creator),
    createTime: toTimestamp(key.createTime),
    ...(key.expireTime && { expireTime: toTimestamp(key.expireTime) }),
    ...(key.previousExpireTime && { overlapEndTime: toTimestamp(key.previousExpireTime) }),
    ...(key.revokeTime && { revokeTime: toTimestamp(key.revokeTime) }),
    ...(key.lastUseTime && { lastUseTime: toTimestamp(key.lastUseTime) }),
  });
}
