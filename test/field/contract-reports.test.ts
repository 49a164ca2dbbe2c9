// What users of other products' APIs reported about their contracts, tried on ours.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HttpAnswer, sendHttp } from "../support/servers/dialect-server.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
let ann: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  key = (await tenant.key("read", "write", "admin")).credential;
  await tenant.addMember("ann");
  ann = await tenant.token("ann");
});
afterAll(() => server.close());

type Sent = { readonly body?: unknown; readonly headers?: Credential; readonly by?: Credential };

const call = (method: string, path: string, { body, headers = {}, by = key }: Sent = {}): Promise<HttpAnswer> =>
  sendHttp(`${server.url}/v1/${path}`, method, { body, headers, credential: by });

async function create(conversation: object = {}): Promise<string> {
  const { status, json } = await call("POST", "conversations", { body: { conversation } });
  expect(status).toBe(201);
  return json.id;
}

const broken = ({ status, json }: HttpAnswer) => [status, json.message];

describe("F-LABELS: a label that cannot be", () => {
  // Apicurio/apicurio-registry#8835: null was a 500.
  test.each([null, 7, true, ["a"]])("a value of %j is refused by its key", async (value) => {
    const answer = await call("POST", "conversations", {
      body: { conversation: { labels: { good: "a", mykey: value } } },
    });
    expect(broken(answer)).toEqual([400, 'conversation.labels["mykey"]: must be a string']);
  });

  // googleapis/google-cloud-python#3711: labels could not be removed.
  test("labels are removed by an update that has none, and the rest stays", async () => {
    const id = await create({ title: "kept", labels: { team: "support", plan: "gold" } });
    const one = await call("PATCH", `conversations/${id}`, { body: { labels: { team: "support" } } });
    expect(one.json).toMatchObject({ title: "kept", labels: { team: "support" } });
    expect(one.json.labels).not.toHaveProperty("plan");
    const none = await call("PATCH", `conversations/${id}`, { body: { labels: {} } });
    expect(none.json).toMatchObject({ title: "kept", labels: {} });
  });

  // aip-dev/google.aip.dev#1402: a client that does not know a field cleared it.
  test("an update that does not name the labels keeps them", async () => {
    const id = await create({ title: "a", labels: { team: "support" } });
    const { json } = await call("PATCH", `conversations/${id}`, { body: { title: "b" } });
    expect(json).toMatchObject({ title: "b", labels: { team: "support" } });
  });
});

// stripe/stripe-php#246: which value is too long, and how long it may be.
test("F-LIMITS: too long a label or too much metadata is refused by its name and limit", async () => {
  const make = (conversation: object) => call("POST", "conversations", { body: { conversation } });
  expect(broken(await make({ labels: { team: "x".repeat(256) } }))).toEqual([
    400,
    'conversation.labels["team"]: must be at most 255 characters',
  ]);
  expect(broken(await make({ metadata: { a: "x".repeat(16_384) } }))).toEqual([
    400,
    "conversation.metadata: must be at most 16384 bytes of JSON",
  ]);
});

describe("F-FILTERS: a filter that nothing can pass", () => {
  // miki725/django-url-filter#64, CodeYellowBV/django-binder#10: everything was listed.
  test.each(["xpto", "99", "conversation_status_active"])("a status of %s is refused", async (status) => {
    expect((await call("GET", `conversations?status=${status}`)).status).toBe(400);
  });

  // GSA/datagov-harvester#665: the default order was taken.
  test("an order that is none is refused", async () => {
    expect(broken(await call("GET", "conversations?order=notafield"))).toEqual([
      400,
      "order: must be one of CONVERSATION_ORDER_NEWEST_FIRST, CONVERSATION_ORDER_OLDEST_FIRST, CONVERSATION_ORDER_LATEST_ACTIVITY_FIRST, by name or number",
    ]);
  });

  // A filter that is misspelled is no filter.
  test("a parameter that is none is refused", async () => {
    expect((await call("GET", "conversations?statuss=CONVERSATION_STATUS_ACTIVE")).status).toBe(400);
  });
});

describe("F-PAGES: pages with filters", () => {
  const list = (query: string) => call("GET", `conversations?page_size=2${query}`);

  // aip-dev/google.aip.dev#1639, kubeflow/pipelines#1149: what a token means beside another filter.
  test("a page token with another filter is refused", async () => {
    for (let i = 0; i < 3; i++) await create({ labels: { kind: "token" } });
    const first = await list("&labels[kind]=token");
    expect(first.json.nextPageToken).not.toBe("");
    const token = `&page_token=${encodeURIComponent(first.json.nextPageToken)}`;
    const other = await list(`&labels[kind]=other${token}`);
    expect(other.status).toBe(400);
    expect(other.json.details[0].reason).toBe("INVALID_PAGE_TOKEN");
  });

  // tektoncd/results#379: the second page of a filtered list had no token.
  test("a filtered list goes on to its end, and has a token on every page but the last", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.push(await create({ labels: { kind: "walk" } }));
      await create({ labels: { kind: "between" } });
    }
    const pages: string[][] = [];
    let token = "";
    do {
      const { json } = await list(`&labels[kind]=walk&page_token=${encodeURIComponent(token)}`);
      pages.push(json.conversations.map(({ id }: { id: string }) => id));
      token = json.nextPageToken;
    } while (token !== "");
    expect(pages).toEqual([ids.slice(3).reverse(), ids.slice(1, 3).reverse(), ids.slice(0, 1)]);
  });
});

describe("F-ETAGS: an update of what somebody else has changed", () => {
  // lennart-k/rustical#245: it was written over; adlnet/xAPI-Spec#356: the status was 409.
  test("is 412 and changes nothing; with the etag of now it goes through", async () => {
    const id = await create({ title: "a" });
    const stale = (await call("GET", `conversations/${id}`)).json.etag;
    const { json } = await call("PATCH", `conversations/${id}`, { body: { title: "b" } });
    const update = (etag: string) =>
      call("PATCH", `conversations/${id}`, { body: { title: "c" }, headers: { "if-match": `"${etag}"` } });
    expect((await update(stale)).status).toBe(412);
    expect((await call("GET", `conversations/${id}`)).json.title).toBe("b");
    expect((await update(json.etag)).json.title).toBe("c");
  });
});

describe("F-DELETED: lists of what was deleted", () => {
  // borgbackup/borgstore#83: both kinds came, and nothing told them apart; Bike4Mind/bike4mind#1270: the flag was
  // ignored.
  test("leave it out, name it, or have it alone, and it says when it was deleted", async () => {
    const label = { labels: { kind: "deleted" } };
    const [stays, goes] = [await create(label), await create(label)];
    await call("DELETE", `conversations/${goes}`);
    const list = async (deleted: string) => {
      const query = `labels[kind]=deleted&include_total_size=true${deleted}`;
      const { json } = await call("GET", `conversations?${query}`);
      const items = json.conversations.map((one: { id: string; deleteTime?: string }) => [
        one.id,
        one.deleteTime !== undefined,
      ]);
      return [items, json.totalSize];
    };
    expect(await list("")).toEqual([[[stays, false]], "1"]);
    expect(await list("&deleted=DELETED_FILTER_INCLUDE")).toEqual([
      [
        [goes, true],
        [stays, false],
      ],
      "2",
    ]);
    expect(await list("&deleted=DELETED_FILTER_ONLY")).toEqual([[[goes, true]], "1"]);
  });
});

// cuedo/github-webhooks#18, Gompei/slack-rust#16: bots came in another form than people.
test("F-ACTORS: members, keys and those that a key acts for are all a type and an id", async () => {
  const id = await create();
  await call("POST", `conversations/${id}/participants`, { body: { member_ids: ["ann"] } });
  const send = async (by: Credential) =>
    (await call("POST", `conversations/${id}/messages`, { body: { content: "a" }, by })).json.sender;
  const member = { type: "ACTOR_TYPE_MEMBER", id: "ann" };
  expect(await send(key)).toEqual({ type: "ACTOR_TYPE_API_KEY", id: expect.stringMatching(/^\S+$/) });
  expect(await send({ ...key, "x-act-for": "ann" })).toEqual(member);
  expect(await send(ann)).toEqual(member);
});

// ethyca/fides#4905, bitwarden/passwordless-server#356: a 403 that does not say what is missing.
test("F-SCOPES: a key that lacks a scope is told which, in the text and apart from it", async () => {
  const reader = (await (await server.tenant()).key("read")).credential;
  const { status, json } = await call("POST", "conversations", { body: { conversation: {} }, by: reader });
  expect([status, json.message]).toEqual([403, 'the API key lacks the scope "write"']);
  expect(json.details[0]).toMatchObject({ reason: "SCOPE_MISSING", metadata: { scope: "write" } });
});

// A scope that does not exist is refused by its place, with those that do.
test("F-SCOPES: a scope that does not exist is refused by its place", async () => {
  const scopes = ["API_KEY_SCOPE_READ", "reed"];
  expect(broken(await call("POST", "apiKeys", { body: { api_key: { scopes } } }))).toEqual([
    400,
    "api_key.scopes[1]: must be one of API_KEY_SCOPE_READ, API_KEY_SCOPE_WRITE, API_KEY_SCOPE_ADMIN",
  ]);
});
