// Every RPC of the contract, over every wire form: the same request gets the same answer or the same error.
import { randomUUID } from "node:crypto";
import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ruleOf } from "../../../src/domain/identity/permissions.ts";
import { SCOPES } from "../../../src/domain/identity/principal.ts";
import { callMethod, type Outcome, transportOver, WIRE_FORMS, type WireForm } from "../../support/calls/five-wires.ts";
import { createWorld, WIRE_CASES, type WireCase, type World } from "../../support/calls/wire-cases.ts";
import { ownServices } from "../../support/servers/contract.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../../support/servers/identity-server.ts";

let server: IdentityServer;
let world: World;
beforeAll(async () => {
  server = await startIdentityServer();
  world = await createWorld(server);
});
afterAll(() => server.close());

const methods: ReadonlyMap<string, DescMethod> = new Map(
  ownServices.flatMap((service) =>
    service.methods
      // The import stands in tests of its own: test/services/transfer.test.ts.
      .filter(({ name }) => name !== "ImportConversations")
      .map((method) => [`${service.name}.${method.name}`, method]),
  ),
);

function methodOf({ rpc }: WireCase): DescMethod {
  const method = methods.get(rpc);
  if (method === undefined) throw new Error(`the contract has no ${rpc}`);
  return method;
}

const mutates = (method: DescMethod) => method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
const takesRequestId = ({ input }: DescMethod) => input.fields.some(({ name }) => name === "request_id");
const titleOf = ({ rpc, name }: WireCase) => (name === undefined ? rpc : `${rpc} ${name}`);
const credentialOf = ({ as = "admin" }: WireCase, world: World) => world[as];

const transports = new Map<string, Transport>();
function transportFor(wire: WireForm, headers: Readonly<Record<string, string>>): Transport {
  const key = JSON.stringify([wire, headers]);
  const transport = transports.get(key) ?? transportOver(wire, server.url, headers);
  transports.set(key, transport);
  return transport;
}

/** What each of the wire forms makes of the same call. */
async function over(
  wires: readonly WireForm[],
  method: DescMethod,
  headers: Readonly<Record<string, string>>,
  requests: readonly JsonValue[],
  take?: number,
): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const wire of wires) {
    outcomes[wire] = await callMethod(transportFor(wire, headers), method, requests, take);
  }
  return outcomes;
}

let turn = 0;
/** The wire forms, another one going first each time. */
function everyWire(): WireForm[] {
  turn = (turn + 1) % WIRE_FORMS.length;
  return [...WIRE_FORMS.slice(turn), ...WIRE_FORMS.slice(0, turn)];
}

/**
 * Two of the wire forms, each time others: for what no wire decides, such as who may call. With `TEST_KINDS=all`, each
 * of them.
 */
function someWires(): WireForm[] {
  return process.env.TEST_KINDS === "all" ? everyWire() : everyWire().slice(0, 2);
}

/** One outcome stands for all; says how they differ otherwise. */
function only(outcomes: Record<string, Outcome>): Outcome {
  const [reference] = Object.values(outcomes) as [Outcome];
  expect(outcomes).toEqual(Object.fromEntries(Object.keys(outcomes).map((wire) => [wire, reference])));
  return reference;
}

/** Sets what is made anew by each call to the place of its first occurrence: ids, times, tags, secrets. */
function normal(value: JsonValue): JsonValue {
  const seen = new Map<string, string>();
  const text = JSON.stringify(value)
    .replaceAll(/"(\w*[tT]ime|memberHash|etag|text|token|slug|secret|webhookId|duration)":"[^"]*"/g, `"$1":"…"`)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      if (!seen.has(id)) seen.set(id, `<${seen.size + 1}>`);
      return seen.get(id) as string;
    });
  return JSON.parse(text) as JsonValue;
}

/** Takes a field out of every answer; gives how many had it. */
function forget(outcomes: Record<string, Outcome>, field: string): number {
  const holders = Object.values(outcomes).flatMap(({ messages }) => messages as JsonObject[]);
  const told = holders.filter((message) => message[field] !== undefined);
  for (const message of told) delete message[field];
  return told.length;
}

test("every RPC of the contract has a case that succeeds, and no case is of another", () => {
  expect(methods.size).toBeGreaterThan(40);
  const covered = new Set(WIRE_CASES.filter(({ fails }) => fails === undefined).map(({ rpc }) => rpc));
  expect([...covered].toSorted()).toEqual([...methods.keys()].toSorted());
});

/** Each event from here on would be sent to each endpoint that stays. */
function leaveNoEndpoints({ parent }: DescMethod): void {
  if (parent.name === "WebhookService") afterAll(() => world.deleteEndpoints());
}

describe.each(WIRE_CASES.map((one) => [titleOf(one), one] as const))("%s", (_, one) => {
  const method = methodOf(one);
  leaveNoEndpoints(method);

  // What stores nothing takes no request id, and is no repeat: that it acts alike says enough.
  test.skipIf(mutates(method) && !takesRequestId(method))("is answered alike", async () => {
    const requests = await one.requests(world);
    // The messages of a stream are of one request.
    const requestId = randomUUID();
    const again = requests.map((request) => (mutates(method) ? { ...request, requestId } : request));
    const outcomes = await over(everyWire(), method, credentialOf(one, world), again, one.take);
    if (one.toldOnce !== undefined) expect(forget(outcomes, one.toldOnce)).toBe(1);
    if (one.toldAnew !== undefined) expect(forget(outcomes, one.toldAnew)).toBe(WIRE_FORMS.length);
    const outcome = only(outcomes);
    expect(outcome.error?.reason).toBe(one.fails);
  });

  test.skipIf(!mutates(method))("acts alike", async () => {
    const outcomes: Record<string, Outcome> = {};
    // With a request id, the other test has seen what each wire form brings: the same id takes no other request.
    for (const wire of takesRequestId(method) ? someWires() : everyWire()) {
      const transport = transportFor(wire, credentialOf(one, world));
      const { messages, ...rest } = await callMethod(transport, method, await one.requests(world), one.take);
      outcomes[wire] = { messages: normal(messages as JsonValue[]) as JsonValue[], ...rest };
    }
    expect(only(outcomes).error?.reason).toBe(one.fails);
  });
});

const lacking = new Map<string, Promise<Credential>>();
/** One key for each scope, so that calls without it share connections. */
function keyWithout(scope: string): Promise<Credential> {
  const made = async () => (await world.tenant.key(...SCOPES.filter((one) => one !== scope))).credential;
  const key = lacking.get(scope) ?? made();
  lacking.set(scope, key);
  return key;
}

const IDS = ["conversationId", "messageId", "apiKeyId", "tenantId", "memberId", "agentId", "turnId"];
/** The methods that take an id for a filter. */
const FILTERED = new Set([
  "ConversationService.ListConversations",
  "DraftService.ListDrafts",
  "DraftService.ListScheduledMessages",
  "JobService.ListJobs",
  "MessageService.SearchMessages",
  "MessageService.ListMentions",
]);

describe.each([...methods])("%s", (name, method) => {
  leaveNoEndpoints(method);
  const good = WIRE_CASES.find(({ rpc, fails }) => rpc === name && fails === undefined);
  const fields = new Set(method.input.fields.map((field) => field.jsonName));

  // A refusal changes nothing: what one call would need is there for the next one, too.
  let needed: JsonObject[] | undefined;
  async function refusal(change: JsonObject, headers?: Readonly<Record<string, string>>) {
    if (good === undefined) throw new Error(`${name} has no case`);
    needed ??= await good.requests(world);
    const requests = needed.map((request) => ({ ...request, ...change }));
    return only(await over(someWires(), method, headers ?? credentialOf(good, world), requests)).error;
  }

  test("needs a credential", async () => {
    expect(await refusal({}, {})).toMatchObject({ code: "Unauthenticated", reason: "CREDENTIAL_MISSING" });
  });

  test("refuses a bad credential", async () => {
    const error = await refusal({}, { authorization: "Bearer clq_no" });
    expect(error).toMatchObject({ code: "Unauthenticated", reason: "CREDENTIAL_INVALID" });
  });

  const { scope } = ruleOf(method);
  test.runIf(scope !== "any")("refuses a key that lacks the scope", async () => {
    expect(await refusal({}, await keyWithout(scope))).toMatchObject({ code: "PermissionDenied" });
  });

  const id = IDS.find((one) => fields.has(one));
  const finds = id !== undefined && name !== "DirectoryService.UpsertMember";
  test.runIf(finds)("answers for an id that was never given out", async () => {
    const error = await refusal({ [id as string]: randomUUID() });
    // Where the id is a filter, nothing fits it.
    expect(error?.reason).toBe(FILTERED.has(name) ? undefined : "NOT_FOUND");
  });

  const rules: [string, string, JsonValue, string][] = [
    ["requestId", "a request id that is too long", "x".repeat(129), "INVALID_FIELD"],
    ["pageSize", "a negative page size", -1, "INVALID_FIELD"],
    ["pageToken", "a page token that was never given out", "AAAA", "INVALID_PAGE_TOKEN"],
    ["etag", "an etag that is not the resource's", "no", "ETAG_MISMATCH"],
    ["conversationId", "an id that is too long", "x".repeat(129), "INVALID_FIELD"],
    ["messageId", "an id that is too long", "x".repeat(129), "INVALID_FIELD"],
    ["memberId", "an id that is too long", "x".repeat(129), "INVALID_FIELD"],
  ];
  test.each(rules.filter(([field]) => fields.has(field)))("refuses in %s %s", async (field, _, value, reason) => {
    const error = await refusal({ [field]: value });
    expect(error?.reason).toBe(reason);
  });
});
