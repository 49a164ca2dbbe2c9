// The fields of a webhook endpoint that administrators set: their values as columns, and the rules for them.
import { type WebhookEndpoint, WebhookOrder } from "../../../gen/colloquy/v1/webhook_pb.ts";
import { millisecondsOf } from "../../agents/connectors/duration.ts";
import type { Sealer } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { readUrl } from "../../domain/network/url.ts";
import { EVENT_NAMES, eventTypeNamed } from "../../domain/webhooks/event-names.ts";
import { hostOf, isPrivateHost } from "../../outbound/addresses.ts";
import type { EndpointRow, EndpointValues } from "../../store/webhooks/endpoints.ts";
import { sealHeaders } from "../../webhooks/secrets.ts";

const DEFAULT_TIMEOUT_MS = 15_000;

/** The fields that an update may change, by their proto names. */
export const updatableFields = [
  "description",
  "url",
  "headers",
  "event_types",
  "filter",
  "order",
  "batch_size",
  "timeout",
] as const;

export type UpdatableField = (typeof updatableFields)[number];

export interface WebhookRules {
  readonly sealer: Sealer;
  readonly allowPrivate: boolean;
}

export interface Owner {
  readonly tenantId: string;
  readonly id: string;
}

/** The values of a new endpoint. Throws INVALID_FIELD. */
export function newValues(endpoint: WebhookEndpoint, owner: Owner, rules: WebhookRules): EndpointValues {
  return {
    description: endpoint.description,
    url: urlOf(endpoint, rules),
    ...headersOf(endpoint, owner, rules),
    event_types: eventTypesOf(endpoint),
    ...filterOf(endpoint),
    ordered: endpoint.order !== WebhookOrder.NONE,
    batch_size: endpoint.batchSize || 1,
    timeout_ms: millisecondsOf(endpoint.timeout) ?? DEFAULT_TIMEOUT_MS,
  };
}

/** The values of an endpoint after an update of some fields. Throws INVALID_FIELD. */
export function changedValues(
  row: EndpointRow,
  endpoint: WebhookEndpoint,
  fields: readonly UpdatableField[],
  owner: Owner,
  rules: WebhookRules,
): EndpointValues {
  const changes = (field: UpdatableField) => fields.includes(field);
  const url = changes("url") ? urlOf(endpoint, rules) : row.url;
  return {
    description: changes("description") ? endpoint.description : row.description,
    url,
    ...(changes("headers") ? headersOf(endpoint, owner, rules) : keptHeaders(row, url)),
    event_types: changes("event_types") ? eventTypesOf(endpoint) : row.event_types,
    ...(changes("filter") ? filterOf(endpoint) : filterColumns(row)),
    ordered: changes("order") ? endpoint.order !== WebhookOrder.NONE : row.ordered,
    batch_size: changes("batch_size") ? endpoint.batchSize || 1 : row.batch_size,
    timeout_ms: changes("timeout") ? (millisecondsOf(endpoint.timeout) ?? DEFAULT_TIMEOUT_MS) : row.timeout_ms,
  };
}

/** Whoever may move an endpoint would else have its headers sent to themselves. */
function keptHeaders(row: EndpointRow, url: string): Pick<EndpointValues, "headers" | "header_names"> {
  const { headers, header_names } = row;
  if (headers === null || originOf(url) === originOf(row.url)) return { headers, header_names };
  throw invalidField(
    "endpoint.headers",
    "must be set again or cleared when host, port or scheme change: stored headers never go to a new endpoint",
    "headers.address",
  );
}

/** Scheme, host and port: `origin` is only told of schemes of the web. */
function originOf(text: string): string {
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}`;
}

function urlOf({ target }: WebhookEndpoint, { allowPrivate }: WebhookRules): string {
  const field = "endpoint.url";
  if (target.case !== "url") throw invalidField("endpoint.target", "must be set: url", "required");
  const url = readUrl(target.value);
  if (url === undefined || !/^(https?|nats):$/.test(url.protocol)) {
    throw invalidField(field, "must be a URL that begins with https://, http:// or nats://", "url");
  }
  if (url.protocol === "nats:" && !/^\/[\w-]+([.][\w-]+)*$/.test(url.pathname + url.search)) {
    throw invalidField(field, "must name a subject after the host, such as nats://host:4222/colloquy", "url.subject");
  }
  if (url.username !== "" || url.password !== "" || url.hash !== "") {
    throw invalidField(field, "must have no user, password or fragment; put the secret into headers", "url");
  }
  if (!allowPrivate && isPrivateHost(hostOf(url))) {
    throw invalidField(
      field,
      "must not be on a private network, which takes COLLOQUY_WEBHOOK_PRIVATE=yes",
      "url.private",
    );
  }
  return target.value;
}

/** What HTTP and Standard Webhooks set themselves. */
const RESERVED: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

function headersOf({ headers }: WebhookEndpoint, { tenantId, id }: Owner, { sealer }: WebhookRules) {
  const names = Object.keys(headers);
  const lower = names.map((name) => name.toLowerCase());
  const field = "endpoint.headers";
  if (lower.includes("")) throw invalidField(field, "must not have an empty name", "headers.name");
  for (const name of lower) {
    if (RESERVED.has(name) || name.startsWith("webhook-")) {
      throw invalidField(field, `must not have ${name}, which the server sets`, "headers.reserved");
    }
  }
  if (new Set(lower).size < lower.length) throw invalidField(field, "must not have a name twice", "headers.unique");
  return { headers: sealHeaders(sealer, tenantId, id, headers), header_names: names.toSorted() };
}

function eventTypesOf({ eventTypes }: WebhookEndpoint): readonly string[] {
  const unknown = eventTypes.findIndex((name) => eventTypeNamed(name) === undefined);
  if (unknown === -1) return eventTypes;
  throw invalidField(`endpoint.event_types[${unknown}]`, `must be one of ${EVENT_NAMES.join(", ")}`, "string.in");
}

type FilterColumns = Pick<EndpointValues, "conversation_id" | "owner_id" | "agent" | "entity_type" | "mode">;

function filterOf({ filter }: WebhookEndpoint): FilterColumns {
  const { conversationId = "", ownerId = "", agent = "", entityType = "", mode = "" } = filter ?? {};
  if (conversationId !== "" && !isOurId(conversationId)) {
    throw invalidField("endpoint.filter.conversation_id", "must be the id of a conversation", "string.uuid");
  }
  const given = (text: string) => (text === "" ? null : text);
  return {
    conversation_id: given(conversationId.toLowerCase()),
    owner_id: given(ownerId),
    agent: given(agent),
    entity_type: given(entityType),
    mode: given(mode),
  };
}

function filterColumns({ conversation_id, owner_id, agent, entity_type, mode }: EndpointRow): FilterColumns {
  return { conversation_id, owner_id, agent, entity_type, mode };
}
