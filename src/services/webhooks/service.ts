// WebhookService: the endpoints to which a tenant's events are sent.
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import { WebhookDeliverySchema, WebhookEndpointSchema, WebhookState } from "../../../gen/colloquy/v1/webhook_pb.ts";
import * as pb from "../../../gen/colloquy/v1/webhook_service_pb.ts";
import { millisecondsOf } from "../../agents/connectors/duration.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import { checkEtag, checkUpdateEtags } from "../../domain/updates/etag.ts";
import { fieldsToUpdate, refuseNothing } from "../../domain/updates/field-mask.ts";
import { newSecret } from "../../domain/webhooks/signature.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database, Transaction } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { findFirstCall } from "../../store/idempotency/idempotency.ts";
import { insertAttempts, listAttempts } from "../../store/webhooks/attempts.ts";
import * as store from "../../store/webhooks/endpoints.ts";
import type { Webhooks } from "../../webhooks/engine.ts";
import { sealSecret } from "../../webhooks/secrets.ts";
import { createMutations, requestKeyOf } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { isRotating, toDelivery, toEndpoint } from "./convert.ts";
import { goBack, startOf } from "./place.ts";
import { changedValues, newValues, updatableFields, type WebhookRules } from "./values.ts";

export interface WebhookServiceOptions extends WebhookRules {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  readonly webhooks: Pick<Webhooks, "look" | "test">;
}

const DEFAULT_OVERLAP_MS = 24 * 60 * 60_000;

/** Two secrets sign at most, and the first was promised to sign until its time. */
function refuseThird(row: Parameters<typeof isRotating>[0]): void {
  if (!isRotating(row)) return;
  const until = row.previous_secret_expire_time?.toISOString();
  const why = `the secret before this one is valid until ${until}: rotate then, or with an overlap of 0 to end both now`;
  throw new DomainError(ErrorReason.CONFLICT, why);
}

export function createWebhookService(options: WebhookServiceOptions): ServiceEntry {
  const { database, secrets, webhooks, ...rules } = options;
  const { method } = pb.WebhookService;
  const { mutation } = createMutations(database);
  /** The engine of this server looks at once; those of others within a second. */
  const looked = async <T>(work: Promise<T>): Promise<T> => {
    const response = await work;
    await webhooks.look();
    return response;
  };

  return serve(pb.WebhookService, {
    async createWebhookEndpoint(asked, call) {
      let secret = "";
      const make = mutation(method.createWebhookEndpoint, async (tx, caller, { endpoint, start }, context) => {
        const { tenantId } = caller;
        const id = newId();
        secret = newSecret();
        const values = newValues(endpoint ?? create(WebhookEndpointSchema), { tenantId, id }, rules);
        const place = await startOf(tx, tenantId, start);
        const sealed = sealSecret(rules.sealer, tenantId, id, secret);
        if (!(await store.insertEndpoint(tx, tenantId, id, values, sealed, place))) throw tooMany();
        await audit(tx, caller, context, actOn("create", id));
        return { endpoint: toEndpoint(await endpointOf(tx, tenantId, id)) };
      });
      const response = await looked(make(asked, call));
      return { ...response, secret };
    },

    async getWebhookEndpoint({ endpointId }, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const id = endpointId.toLowerCase();
      const row = isOurId(id) ? await store.findEndpoint(database, tenantId, id, interrupt) : undefined;
      if (row === undefined) throw notFound("webhook endpoint");
      return { endpoint: toEndpoint(row) };
    },

    async listWebhookEndpoints(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListWebhookEndpointsRequestSchema, request, {
        item: WebhookEndpointSchema,
        read: ({ after: [id] = [], limit }) => store.listEndpoints(database, caller.tenantId, id, limit, interrupt),
        convert: toEndpoint,
        key: ({ id }) => [id],
      });
      return { endpoints: items, ...page };
    },

    updateWebhookEndpoint: (asked, call) =>
      looked(
        mutation(method.updateWebhookEndpoint, async (tx, caller, request, context) => {
          const { tenantId } = caller;
          const row = await endpointOf(tx, tenantId, request.endpointId);
          const wanted = request.endpoint ?? create(WebhookEndpointSchema);
          checkUpdateEtags(request, wanted, row.version);
          const mask = request.updateMask?.paths;
          const fields = fieldsToUpdate(WebhookEndpointSchema, wanted, mask, updatableFields).filter(
            // `*` is what somebody sends who has read the endpoint, and what is read has no headers.
            (field) => field !== "headers" || Object.keys(wanted.headers).length > 0 || !mask?.includes("*"),
          );
          refuseNothing(fields, request.updateMask);
          const values = changedValues(row, wanted, fields, { tenantId, id: row.id }, rules);
          if (isDeepStrictEqual({ ...row, ...values }, row)) return { endpoint: toEndpoint(row) };
          await store.updateEndpoint(tx, tenantId, row.id, values);
          await store.releaseEndpoint(tx, tenantId, row.id);
          await audit(tx, caller, context, { ...actOn("update", row.id), details: { fields } });
          return { endpoint: toEndpoint(await endpointOf(tx, tenantId, row.id)) };
        })(asked, call),
      ),

    deleteWebhookEndpoint: (asked, call) =>
      looked(
        mutation(method.deleteWebhookEndpoint, async (tx, caller, request, context) => {
          const row = await endpointOf(tx, caller.tenantId, request.endpointId);
          checkEtag(request.etag, row.version);
          await store.deleteEndpoint(tx, caller.tenantId, row.id);
          await audit(tx, caller, context, actOn("delete", row.id));
          return {};
        })(asked, call),
      ),

    pauseWebhookEndpoint: (asked, call) =>
      looked(
        mutation(method.pauseWebhookEndpoint, async (tx, caller, request, context) => {
          const { tenantId } = caller;
          const row = await endpointOf(tx, tenantId, request.endpointId);
          checkEtag(request.etag, row.version);
          if (row.state === WebhookState.PAUSED) return { endpoint: toEndpoint(row) };
          await store.setState(tx, tenantId, row.id, WebhookState.PAUSED);
          await store.releaseEndpoint(tx, tenantId, row.id);
          await audit(tx, caller, context, actOn("pause", row.id));
          return { endpoint: toEndpoint(await endpointOf(tx, tenantId, row.id)) };
        })(asked, call),
      ),

    resumeWebhookEndpoint: (asked, call) =>
      looked(
        mutation(method.resumeWebhookEndpoint, async (tx, caller, request, context) => {
          const { tenantId } = caller;
          const row = await endpointOf(tx, tenantId, request.endpointId);
          checkEtag(request.etag, row.version);
          const active = row.state === WebhookState.ACTIVE;
          if (active && row.next_attempt_time === null) return { endpoint: toEndpoint(row) };
          if (!active) await store.setState(tx, tenantId, row.id, WebhookState.ACTIVE);
          await store.releaseEndpoint(tx, tenantId, row.id, "resumed");
          await audit(tx, caller, context, actOn("resume", row.id));
          return { endpoint: toEndpoint(await endpointOf(tx, tenantId, row.id)) };
        })(asked, call),
      ),

    async rotateWebhookSecret(asked, call) {
      let secret = "";
      const rotate = mutation(method.rotateWebhookSecret, async (tx, caller, { endpointId, overlap }, context) => {
        const { tenantId } = caller;
        const { id, ...row } = await endpointOf(tx, tenantId, endpointId);
        const overlapMs = millisecondsOf(overlap) ?? DEFAULT_OVERLAP_MS;
        if (overlapMs > 0) refuseThird(row);
        secret = newSecret();
        const sealed = sealSecret(rules.sealer, tenantId, id, secret);
        await store.rotateSecret(tx, tenantId, id, sealed, overlapMs);
        await store.releaseEndpoint(tx, tenantId, id);
        await audit(tx, caller, context, actOn("rotate_secret", id));
        return { endpoint: toEndpoint(await endpointOf(tx, tenantId, id)) };
      });
      const response = await looked(rotate(asked, call));
      return { ...response, secret };
    },

    async testWebhookEndpoint(asked, call) {
      const caller = callerFrom(call.principal);
      const { tenantId } = caller;
      const id = asked.endpointId.toLowerCase();
      const row = isOurId(id) ? await store.findEndpoint(database, tenantId, id, call.interrupt) : undefined;
      if (row === undefined) throw notFound("webhook endpoint");
      const key = requestKeyOf(pb.TestWebhookEndpointRequestSchema, asked, call, caller);
      const repeated = key !== undefined && (await findFirstCall(database, key)) !== undefined;
      // Outside of the transaction, which may run twice.
      const attempt = repeated ? undefined : await webhooks.test(tenantId, row, call.signal);
      return mutation(method.testWebhookEndpoint, async (tx) => {
        if (attempt === undefined) throw notFound("webhook endpoint");
        await insertAttempts(tx, tenantId, [{ ...attempt, endpoint_id: id }]);
        return { delivery: toDelivery(attempt) };
      })(asked, call);
    },

    replayWebhookEndpoint: (asked, call) =>
      looked(
        mutation(method.replayWebhookEndpoint, async (tx, caller, { endpointId, from }, context) => {
          const { tenantId } = caller;
          const row = await endpointOf(tx, tenantId, endpointId);
          if (from !== undefined) await goBack(tx, tenantId, row, from);
          await store.releaseEndpoint(tx, tenantId, row.id, "moved");
          await audit(tx, caller, context, {
            ...actOn("replay", row.id),
            details: { from: from?.place.case ?? "" },
          });
          return { endpoint: toEndpoint(await endpointOf(tx, tenantId, row.id)) };
        })(asked, call),
      ),

    async listWebhookDeliveries(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { tenantId } = caller;
      const id = request.endpointId.toLowerCase();
      const row = isOurId(id) ? await store.findEndpoint(database, tenantId, id, interrupt) : undefined;
      if (row === undefined) throw notFound("webhook endpoint");
      const { items, ...page } = await paginate(secrets, caller, pb.ListWebhookDeliveriesRequestSchema, request, {
        item: WebhookDeliverySchema,
        read: ({ after: [after] = [], limit }) =>
          listAttempts(database, tenantId, id, { after, limit, failedOnly: request.failedOnly }, interrupt),
        convert: toDelivery,
        key: (attempt) => [attempt.id],
      });
      return { deliveries: items, ...page };
    },
  });
}

/** Locked until the transaction ends. Throws NOT_FOUND. */
async function endpointOf(tx: Transaction, tenantId: string, endpointId: string): Promise<store.EndpointWithProgress> {
  const id = endpointId.toLowerCase();
  const row = isOurId(id) ? await store.lockEndpoint(tx, tenantId, id) : undefined;
  if (row === undefined) throw notFound("webhook endpoint");
  return row;
}

function actOn(action: string, id: string) {
  return { action: `webhook_endpoint.${action}`, resourceType: "webhook_endpoint", resourceId: id };
}

function tooMany(): DomainError {
  return new DomainError(ErrorReason.QUOTA_EXCEEDED, `a tenant has at most ${store.MAX_ENDPOINTS} webhook endpoints`);
}
