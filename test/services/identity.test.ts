// Members, keys, tenants and the audit log, as callers with real credentials see them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ActorType } from "../../gen/colloquy/v1/actor_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberRole } from "../../gen/colloquy/v1/member_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { TenantService } from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { apiKey, member } from "../support/actors.ts";
import { reasonOf } from "../support/errors.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  startIdentityServer,
} from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

const { READ, WRITE, ADMIN } = ApiKeyScope;
const directory = (credential: Credential) => server.client(DirectoryService, credential);
const access = (credential: Credential) => server.client(AccessService, credential);
const tenants = (credential: Credential) => server.client(TenantService, credential);
const conversations = (credential: Credential) => server.client(ConversationService, credential);

/** The entries of a tenant's audit log, oldest first, without times and ids. */
async function auditOf(credential: Credential, filter: { resourceType?: string } = {}) {
  const { auditEntries } = await server.client(AuditService, credential).listAuditEntries(filter);
  return auditEntries
    .reverse()
    .map(({ actor, action, resourceId, details }) => ({ actor, action, resourceId, details }));
}

describe("members", () => {
  test("are made, read, changed, listed and deleted", async () => {
    const tenant = await server.tenant();
    const key = await tenant.key("read", "admin");
    const { upsertMember, getMember, listMembers, deleteMember } = directory(key.credential);
    const { member } = await upsertMember({ memberId: "auth0|ada", member: { displayName: "Ada" } });
    expect(member).toMatchObject({
      id: "auth0|ada",
      displayName: "Ada",
      role: MemberRole.MEMBER,
      managerId: "",
      etag: "1",
    });
    await upsertMember({ memberId: "grace", member: { role: MemberRole.MANAGER } });
    const changed = await upsertMember({ memberId: "auth0|ada", member: { displayName: "A.", managerId: "grace" } });
    expect(changed.member).toMatchObject({ displayName: "A.", role: MemberRole.MEMBER, managerId: "grace", etag: "2" });
    expect((await getMember({ memberId: "auth0|ada" })).member).toEqual(changed.member);
    expect((await listMembers({})).members.map(({ id }) => id)).toEqual(["auth0|ada", "grace"]);
    expect((await listMembers({ managerId: "grace" })).members.map(({ id }) => id)).toEqual(["auth0|ada"]);
    expect((await listMembers({ role: MemberRole.MANAGER })).members.map(({ id }) => id)).toEqual(["grace"]);

    await deleteMember({ memberId: "grace" });
    expect(await reasonOf(deleteMember({ memberId: "grace" }))).toBe("NOT_FOUND");
    expect(await reasonOf(getMember({ memberId: "grace" }))).toBe("NOT_FOUND");
    expect((await getMember({ memberId: "grace", deleted: DeletedFilter.INCLUDE })).member?.deleteTime).toBeDefined();
    expect((await listMembers({ deleted: DeletedFilter.ONLY })).members.map(({ id }) => id)).toEqual(["grace"]);
    const everyone = await listMembers({ deleted: DeletedFilter.INCLUDE });
    expect(everyone.members.map(({ id }) => id)).toEqual(["auth0|ada", "grace"]);
    expect(await reasonOf(getMember({ memberId: "auth0|ada", deleted: DeletedFilter.ONLY }))).toBe("NOT_FOUND");
    expect((await getMember({ memberId: "auth0|ada" })).member?.managerId).toBe("");
    expect((await upsertMember({ memberId: "grace" })).member).toMatchObject({ role: MemberRole.MANAGER });
    expect((await getMember({ memberId: "grace" })).member?.deleteTime).toBeUndefined();

    const actor = apiKey(key.id);
    expect(await auditOf(key.credential)).toEqual([
      { actor, action: "member.upsert", resourceId: "auth0|ada", details: { role: "member" } },
      { actor, action: "member.upsert", resourceId: "grace", details: { role: "manager" } },
      { actor, action: "member.upsert", resourceId: "auth0|ada", details: { role: "member", manager_id: "grace" } },
      { actor, action: "member.delete", resourceId: "grace", details: { role: "manager" } },
      { actor, action: "member.upsert", resourceId: "grace", details: { role: "manager" } },
    ]);
  });

  test("are listed in pages that a token of another list does not open", async () => {
    const tenant = await server.tenant();
    for (const id of ["a", "b", "c", "d", "e"]) await tenant.addMember(id);
    const { listMembers } = directory((await tenant.key("read")).credential);
    const ids: string[] = [];
    let pageToken = "";
    do {
      const page = await listMembers({ pageSize: 2, pageToken });
      ids.push(...page.members.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(ids).toEqual(["a", "b", "c", "d", "e"]);
    const { members, nextPageToken } = await listMembers({ pageSize: 2, memberIds: ["d", "b", "d", "e"] });
    expect(members.map(({ id }) => id)).toEqual(["b", "d"]);
    const rest = await listMembers({ pageToken: nextPageToken, pageSize: 2, memberIds: ["d", "b", "d", "e"] });
    expect(rest.members.map(({ id }) => id)).toEqual(["e"]);
    expect(await reasonOf(listMembers({ pageToken: nextPageToken, deleted: DeletedFilter.ONLY }))).toBe(
      "INVALID_PAGE_TOKEN",
    );
  });

  test("see themselves, managers their subordinates at any depth, administrators everyone", async () => {
    const tenant = await server.tenant();
    await tenant.addMember("boss", { role: "manager" });
    await tenant.addMember("lead", { role: "manager", manager: "boss" });
    await tenant.addMember("agent", { manager: "lead" });
    await tenant.addMember("other");
    await tenant.addMember("admin", { role: "admin" });
    const seenBy = async (id: string) => {
      const { listMembers, getMember } = directory(await tenant.token(id));
      const ids = (await listMembers({})).members.map((member) => member.id);
      const memberIds = ["boss", "lead", "agent", "other", "admin", "nobody"];
      for (const memberId of memberIds) {
        const seen = (await reasonOf(getMember({ memberId }))) === undefined;
        expect([memberId, seen]).toEqual([memberId, ids.includes(memberId)]);
      }
      const named = (await listMembers({ memberIds })).members.map((member) => member.id);
      expect(named).toEqual(ids);
      return ids;
    };
    expect(await seenBy("boss")).toEqual(["agent", "boss", "lead"]);
    expect(await seenBy("lead")).toEqual(["agent", "lead"]);
    expect(await seenBy("agent")).toEqual(["agent"]);
    expect(await seenBy("admin")).toEqual(["admin", "agent", "boss", "lead", "other"]);
  });

  test("are never above themselves, however many change it at once", async () => {
    const tenant = await server.tenant();
    for (const id of ["a", "b", "c"]) await tenant.addMember(id);
    const { setMemberManager, upsertMember } = directory((await tenant.key("admin")).credential);
    await setMemberManager({ memberId: "b", managerId: "a" });
    await setMemberManager({ memberId: "c", managerId: "b" });
    for (const managerId of ["a", "b", "c"]) {
      expect(await reasonOf(setMemberManager({ memberId: "a", managerId }))).toBe("CONFLICT");
    }
    expect(await reasonOf(upsertMember({ memberId: "a", member: { managerId: "c" } }))).toBe("CONFLICT");
    expect(await reasonOf(setMemberManager({ memberId: "a", managerId: "nobody" }))).toBe("UNKNOWN_REFERENCE");
    expect((await setMemberManager({ memberId: "b" })).member?.managerId).toBe("");

    for (let round = 0; round < 10; round++) {
      await setMemberManager({ memberId: "a" });
      await setMemberManager({ memberId: "c" });
      const reasons = await Promise.all([
        reasonOf(setMemberManager({ memberId: "a", managerId: "c" })),
        reasonOf(setMemberManager({ memberId: "c", managerId: "a" })),
      ]);
      expect(reasons.filter((reason) => reason === "CONFLICT")).toHaveLength(1);
    }
  });

  test("get no role above the giver's own, and lose none above it", async () => {
    const tenant = await server.tenant();
    await tenant.addMember("admin", { role: "admin" });
    await tenant.addMember("root", { role: "super_admin" });
    await tenant.addMember("a");
    const { setMemberRole, upsertMember, deleteMember } = directory(await tenant.token("admin"));
    expect((await setMemberRole({ memberId: "a", role: MemberRole.ADMIN })).member?.role).toBe(MemberRole.ADMIN);
    expect(await reasonOf(setMemberRole({ memberId: "a", role: MemberRole.SUPER_ADMIN }))).toBe("PERMISSION_DENIED");
    expect(await reasonOf(setMemberRole({ memberId: "root", role: MemberRole.MEMBER }))).toBe("PERMISSION_DENIED");
    expect(await reasonOf(upsertMember({ memberId: "x", member: { role: MemberRole.SUPER_ADMIN } }))).toBe(
      "PERMISSION_DENIED",
    );
    expect(await reasonOf(upsertMember({ memberId: "root" }))).toBe("PERMISSION_DENIED");
    const demoted = { memberId: "root", member: { role: MemberRole.MEMBER } };
    expect(await reasonOf(upsertMember(demoted))).toBe("PERMISSION_DENIED");
    expect(await reasonOf(deleteMember({ memberId: "root" }))).toBe("PERMISSION_DENIED");
    const key = directory((await tenant.key("admin")).credential);
    expect(await reasonOf(key.setMemberRole({ memberId: "a", role: MemberRole.SUPER_ADMIN }))).toBe(
      "PERMISSION_DENIED",
    );
  });

  test("that changed since their etag was read are left as they are", async () => {
    const tenant = await server.tenant();
    await tenant.addMember("a");
    const { setMemberRole, upsertMember, deleteMember } = directory((await tenant.key("admin")).credential);
    await setMemberRole({ memberId: "a", role: MemberRole.MANAGER, etag: "1" });
    expect(await reasonOf(setMemberRole({ memberId: "a", role: MemberRole.LEAD, etag: "1" }))).toBe("ETAG_MISMATCH");
    expect(await reasonOf(upsertMember({ memberId: "a", etag: "1" }))).toBe("ETAG_MISMATCH");
    expect(await reasonOf(upsertMember({ memberId: "new", etag: "1" }))).toBe("ETAG_MISMATCH");
    expect(await reasonOf(deleteMember({ memberId: "a", etag: "1" }))).toBe("ETAG_MISMATCH");
  });

  test("are refused ids that could be taken for a key's or an agent's, or that no header carries", async () => {
    const tenant = await server.tenant();
    const { upsertMember } = directory((await tenant.key("admin")).credential);
    for (const memberId of ["key:1", "agent:1", "system:1", "a\nb", ""]) {
      expect(await reasonOf(upsertMember({ memberId }))).toBe("INVALID_FIELD");
    }
    await expect(upsertMember({ memberId: "agent:1" })).rejects.toThrow(
      "member_id: must be 1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:",
    );
  });

  test("are given no role where none is named", async () => {
    const { setMemberRole } = directory((await (await server.tenant()).key("admin")).credential);
    await expect(setMemberRole({ memberId: "a" })).rejects.toThrow("role: must not be unspecified");
  });

  test("make themselves on their first call, and a change of role shows at once on the server that made it", async () => {
    const tenant = await server.tenant();
    const admin = directory((await tenant.key("read", "admin")).credential);
    const alice = access(await tenant.token("alice"));
    expect(await alice.whoAmI({})).toMatchObject({
      tenantId: tenant.id,
      tenantSlug: tenant.slug,
      memberId: "alice",
      role: MemberRole.MEMBER,
      apiKeyId: "",
    });
    expect((await admin.listMembers({})).members.map(({ id }) => id)).toEqual(["alice"]);
    await admin.setMemberRole({ memberId: "alice", role: MemberRole.ADMIN });
    expect((await alice.whoAmI({})).role).toBe(MemberRole.ADMIN);
    await admin.deleteMember({ memberId: "alice" });
    expect(await reasonOf(alice.whoAmI({}))).toBe("PERMISSION_DENIED");
  });
});

describe("API keys", () => {
  test("are made with their text shown once, and work with their scopes alone", async () => {
    const tenant = await server.tenant();
    const all = await tenant.key("read", "write", "admin");
    const { createApiKey, listApiKeys } = access(all.credential);
    const request = { apiKey: { displayName: "reporting", scopes: [READ] }, requestId: "once" };
    const { apiKey, text } = await createApiKey(request);
    expect(apiKey).toMatchObject({
      displayName: "reporting",
      scopes: [READ],
      creator: { type: ActorType.API_KEY, id: all.id },
    });
    expect(await createApiKey(request)).toMatchObject({ apiKey: { id: apiKey?.id }, text: "" });
    expect((await listApiKeys({})).apiKeys.map(({ id }) => id)).toEqual([apiKey?.id, all.id]);
    expect(
      JSON.stringify((await listApiKeys({})).apiKeys, (_, v) => (typeof v === "bigint" ? `${v}` : v)),
    ).not.toContain(text);

    const made = bearer(text);
    await conversations(made).listConversations({});
    expect(await access(made).whoAmI({})).toMatchObject({ apiKeyId: apiKey?.id, scopes: [READ], memberId: "" });
    expect(await reasonOf(conversations(made).createConversation({}))).toBe("SCOPE_MISSING");
    expect(await reasonOf(access(made).listApiKeys({}))).toBe("SCOPE_MISSING");
  });

  test("are stored as a hash, in no table as text, also with a request id", async () => {
    const tenant = await server.tenant();
    const { createApiKey } = access((await tenant.key("read", "admin")).credential);
    const { text } = await createApiKey({ apiKey: { scopes: [READ] }, requestId: "x" });
    const secret = text.split("_")[3] ?? "";
    const tables = await server.database.query<{ name: string }>(
      {
        name: "test_all_tables",
        text: "select table_name as name from information_schema.tables where table_schema = 'public'",
      },
      [],
    );
    expect(tables.length).toBeGreaterThan(10);
    for (const { name } of tables) {
      const count = {
        name: `test_count_${name}`,
        text: `select /* test */ count(*) as n from "${name}" t where t::text like $1 or t::text like $2`,
      };
      // bytea is shown in hexadecimal.
      const values = [`%${secret}%`, `%${Buffer.from(secret).toString("hex")}%`];
      expect([name, await server.database.query(count, values)]).toEqual([name, [{ n: 0n }]]);
    }
  });

  test("give no scope that they lack", async () => {
    const tenant = await server.tenant();
    const admin = await tenant.key("admin");
    const strong = await tenant.key("read", "write");
    const { createApiKey, rotateApiKey } = access(admin.credential);
    expect(await reasonOf(createApiKey({ apiKey: { scopes: [WRITE] } }))).toBe("SCOPE_MISSING");
    expect(await reasonOf(rotateApiKey({ apiKeyId: strong.id }))).toBe("SCOPE_MISSING");
    expect((await createApiKey({ apiKey: { scopes: [ADMIN] } })).text).not.toBe("");
    const person = access(await tenant.token("boss", "admin"));
    expect((await person.createApiKey({ apiKey: { scopes: [READ, WRITE, ADMIN] } })).text).not.toBe("");
  });

  test("are rotated with an overlap, in which both texts work", async () => {
    const tenant = await server.tenant();
    const key = await tenant.key("read", "admin");
    const { text, apiKey } = await access(key.credential).rotateApiKey({ apiKeyId: key.id });
    expect(apiKey?.id).toBe(key.id);
    expect(apiKey?.overlapEndTime).toBeDefined();
    expect((await access(bearer(text)).whoAmI({})).apiKeyId).toBe(key.id);
    expect((await access(key.credential).whoAmI({})).apiKeyId).toBe(key.id);
    const third = await access(bearer(text)).rotateApiKey({ apiKeyId: key.id, overlap: { seconds: 0n } });
    expect(await reasonOf(access(key.credential).whoAmI({}))).toBe("CREDENTIAL_INVALID");
    expect(await reasonOf(access(bearer(text)).whoAmI({}))).toBe("CREDENTIAL_INVALID");
    expect((await access(bearer(third.text)).whoAmI({})).apiKeyId).toBe(key.id);
  });

  test("are revoked for good, with the tokens got for them", async () => {
    const tenant = await server.tenant();
    const admin = await tenant.key("read", "admin");
    const key = await tenant.key("read");
    const form = { grant_type: "client_credentials", client_id: key.id, client_secret: key.text };
    const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    expect((await access(bearer(token)).whoAmI({})).apiKeyId).toBe(key.id);

    const { revokeApiKey, rotateApiKey, listApiKeys } = access(admin.credential);
    const { apiKey } = await revokeApiKey({ apiKeyId: key.id });
    expect(apiKey?.revokeTime).toBeDefined();
    expect((await revokeApiKey({ apiKeyId: key.id })).apiKey).toEqual(apiKey);
    expect(await reasonOf(access(key.credential).whoAmI({}))).toBe("CREDENTIAL_INVALID");
    expect(await reasonOf(access(bearer(token)).whoAmI({}))).toBe("CREDENTIAL_INVALID");
    expect(await reasonOf(rotateApiKey({ apiKeyId: key.id }))).toBe("CONFLICT");
    expect((await listApiKeys({})).apiKeys.map(({ id }) => id)).toEqual([admin.id]);
    expect((await listApiKeys({ showRevoked: true })).apiKeys.map(({ id }) => id)).toEqual([key.id, admin.id]);
    expect(await reasonOf(revokeApiKey({ apiKeyId: "nonsense" }))).toBe("NOT_FOUND");
    expect((await auditOf(admin.credential)).map(({ action, resourceId }) => [action, resourceId])).toEqual([
      ["api_key.revoke", key.id],
    ]);
  });

  test("are revoked and rotated at once, however their ids are spelled", async () => {
    const tenant = await server.tenant();
    const admin = access((await tenant.key("read", "admin")).credential);
    const [revoked, rotated] = [await tenant.key("read"), await tenant.key("read")];
    for (const key of [revoked, rotated]) expect((await access(key.credential).whoAmI({})).apiKeyId).toBe(key.id);
    await admin.revokeApiKey({ apiKeyId: revoked.id.toUpperCase() });
    await admin.rotateApiKey({ apiKeyId: rotated.id.toUpperCase(), overlap: { seconds: 0n } });
    for (const key of [revoked, rotated]) {
      expect(await reasonOf(access(key.credential).whoAmI({}))).toBe("CREDENTIAL_INVALID");
    }
  });

  test("have an expiry that must lie ahead", async () => {
    const { createApiKey } = access((await (await server.tenant()).key("read", "admin")).credential);
    const past = { apiKey: { scopes: [READ], expireTime: { seconds: 1n } } };
    expect(await reasonOf(createApiKey(past))).toBe("INVALID_FIELD");
  });

  test("act for a member, as that member and within their scopes", async () => {
    const tenant = await server.tenant();
    await tenant.addMember("bob");
    const key = await tenant.key("read", "write");
    const asBob = { ...key.credential, "x-act-for": "bob" };
    const { conversation: own } = await conversations(asBob).createConversation({});
    expect(own).toMatchObject({ ownerId: "bob", creator: member("bob") });
    const { conversation: other } = await conversations(key.credential).createConversation({});
    expect(await reasonOf(conversations(asBob).getConversation({ conversationId: other?.id ?? "" }))).toBe("NOT_FOUND");
    expect((await conversations(asBob).listConversations({})).conversations.map(({ id }) => id)).toEqual([own?.id]);
  });
});

describe("tenants", () => {
  test("are made, read, listed and renamed by super administrators", async () => {
    const root = await server.superAdmin();
    const { createTenant, getTenant, updateTenant, listTenants } = tenants(root);
    const { tenant } = await createTenant({ tenant: { slug: "acme", displayName: "Acme" } });
    expect(tenant).toMatchObject({ slug: "acme", displayName: "Acme" });
    expect(await reasonOf(createTenant({ tenant: { slug: "acme" } }))).toBe("ALREADY_EXISTS");
    expect((await getTenant({ tenantId: "acme" })).tenant).toEqual(tenant);
    const renamed = await updateTenant({ tenantId: "acme", tenant: { displayName: "ACME" }, etag: tenant?.etag ?? "" });
    expect(renamed.tenant).toMatchObject({ id: tenant?.id, displayName: "ACME" });
    const stale = updateTenant({ tenantId: "acme", tenant: { displayName: "x" }, etag: tenant?.etag ?? "" });
    expect(await reasonOf(stale)).toBe("ETAG_MISMATCH");
    expect((await getTenant({ tenantId: tenant?.id ?? "" })).tenant).toEqual(renamed.tenant);
    expect(await reasonOf(getTenant({ tenantId: "nowhere" }))).toBe("NOT_FOUND");

    await createTenant({ tenant: { slug: "beta" } });
    const slugs: string[] = [];
    let pageToken = "";
    do {
      const page = await listTenants({ pageSize: 1, pageToken });
      slugs.push(...page.tenants.map(({ slug }) => slug));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(slugs).toEqual(expect.arrayContaining(["acme", "beta"]));
    expect(slugs).toEqual([...slugs].sort());

    expect(await auditOf({ ...root, "x-tenant": "acme" })).toEqual([
      { actor: member("root"), action: "tenant.create", resourceId: tenant?.id, details: { slug: "acme" } },
      { actor: member("root"), action: "tenant.update", resourceId: tenant?.id, details: {} },
    ]);
  });

  test("are made once for a request id", async () => {
    const { createTenant, updateTenant } = tenants(await server.superAdmin());
    const request = { tenant: { slug: "once" }, requestId: "r1" };
    const first = await createTenant(request);
    expect(await createTenant(request)).toEqual(first);
    expect(await reasonOf(createTenant({ ...request, requestId: "r2" }))).toBe("ALREADY_EXISTS");
    const rename = { tenantId: "once", tenant: { displayName: "a" }, requestId: "r3" };
    const renamed = await updateTenant(rename);
    await updateTenant({ tenantId: "once", tenant: { displayName: "b" } });
    expect(await updateTenant(rename)).toEqual(renamed);
  });

  test("need a slug that can be one", async () => {
    const { createTenant } = tenants(await server.superAdmin());
    for (const slug of ["", "A", "1a", "a-", "a_b", "a".repeat(64)]) {
      expect([slug, await reasonOf(createTenant({ tenant: { slug } }))]).toEqual([slug, "INVALID_FIELD"]);
    }
  });

  test("are no business of anybody else", async () => {
    const tenant = await server.tenant();
    const admin = tenants(await tenant.token("boss", "admin"));
    expect(await reasonOf(admin.getTenant({ tenantId: tenant.id }))).toBe("PERMISSION_DENIED");
    const key = tenants((await tenant.key("read", "write", "admin")).credential);
    expect(await reasonOf(key.listTenants({}))).toBe("PERMISSION_DENIED");
  });

  test("are open to super administrators that name them, and only then", async () => {
    const tenant = await server.tenant();
    const { conversation } = await conversations((await tenant.key("write")).credential).createConversation({});
    const root = await server.superAdmin();
    expect(await reasonOf(conversations(root).listConversations({}))).toBe("PERMISSION_DENIED");
    const inside = conversations({ ...root, "x-tenant": tenant.slug });
    expect((await inside.getConversation({ conversationId: conversation?.id ?? "" })).conversation?.id).toBe(
      conversation?.id,
    );
    expect((await inside.createConversation({})).conversation?.ownerId).toBe("root");
  });
});

describe("the audit log", () => {
  test("is paged and filtered, and written with the effect or not at all", async () => {
    const tenant = await server.tenant();
    const admin = await tenant.token("boss", "admin");
    const { deleteConversation, restoreConversation, createConversation } = conversations(admin);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await createConversation({})).conversation?.id ?? "");
    for (const conversationId of ids) await deleteConversation({ conversationId });
    await restoreConversation({ conversationId: ids[0] ?? "" });
    expect(await reasonOf(restoreConversation({ conversationId: ids[0] ?? "" }))).toBe("NOT_DELETED");
    const { listAuditEntries } = server.client(AuditService, admin);
    const pages: string[] = [];
    let pageToken = "";
    do {
      const page = await listAuditEntries({ pageSize: 3, pageToken });
      pages.push(page.auditEntries.map(({ action }) => action).join(" "));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const deleted = "conversation.delete";
    expect(pages).toEqual([`conversation.restore ${deleted} ${deleted}`, deleted]);
    const [newest] = (await listAuditEntries({ action: deleted })).auditEntries;
    expect(newest).toMatchObject({ actor: member("boss"), resourceType: "conversation", resourceId: ids[2] });
    expect(newest?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(newest?.address).toMatch(/127\.0\.0\.1/);
    expect((await listAuditEntries({ resourceId: ids[0] ?? "" })).auditEntries).toHaveLength(2);
    expect((await listAuditEntries({ actor: member("boss") })).auditEntries).toHaveLength(4);
    expect((await listAuditEntries({ actor: { id: "boss" } })).auditEntries).toHaveLength(4);
    expect((await listAuditEntries({ actor: member("nobody") })).auditEntries).toEqual([]);
    const at = newest?.createTime;
    const before = (await listAuditEntries({ ...(at && { endTime: at }) })).auditEntries;
    const since = (await listAuditEntries({ ...(at && { startTime: at }) })).auditEntries;
    expect(before.length + since.length).toBe(4);
    expect(since.some(({ id }) => id === newest?.id)).toBe(true);
  });
});

test("the audit log says who was let in, who was shut out, and what a new list of messages left out", async () => {
  const tenant = await server.tenant();
  for (const id of ["ada", "bob"]) await tenant.addMember(id);
  const { credential, id } = await tenant.key("read", "write", "admin");
  const { createConversation, updateConversation } = conversations(credential);
  const { addParticipants, removeParticipant } = server.client(ParticipantService, credential);
  const { conversation } = await createConversation({ messages: [{ content: "one" }, { content: "two" }] });
  const conversationId = conversation?.id ?? "";
  await addParticipants({ conversationId, memberIds: ["ada", "bob"] });
  await addParticipants({ conversationId, memberIds: ["ada"] });
  await removeParticipant({ conversationId, memberId: "bob" });
  await updateConversation({ conversationId, conversation: { ownerId: "ada", title: "new" } });
  await updateConversation({ conversationId, messageList: { messages: [{ content: "one" }] } });
  await server.client(MessageService, credential).replaceMessages({ conversationId });
  const entry = (action: string, details: object) => ({
    actor: apiKey(id),
    action,
    resourceId: conversationId,
    details,
  });
  expect(await auditOf(credential)).toEqual([
    entry("conversation.add_participants", { member_ids: "ada, bob", count: "2" }),
    entry("conversation.remove_participant", { member_ids: "bob" }),
    entry("conversation.set_owner", { owner_id: "ada", previous_owner_id: "" }),
    entry("message.replace", { count: "1" }),
    entry("message.replace", { count: "1" }),
  ]);
});

test("a caller without a tenant can ask who it is and nothing else of a tenant", async () => {
  const token = await server.issuer.issue({ tenantId: undefined, sub: "a", role: undefined, ttl: 60 });
  expect(await access(bearer(token)).whoAmI({})).toMatchObject({ tenantId: "", memberId: "a" });
  expect(await reasonOf(conversations(bearer(token)).listConversations({}))).toBe("PERMISSION_DENIED");
});

test("the audit log tells what an API key did for itself from what it did for a member, and finds both", async () => {
  const tenant = await server.tenant();
  const { credential, id } = await tenant.key("read", "write", "admin");
  for (const one of ["ada", "bob"]) await tenant.addMember(one);
  for (const caller of [credential, { ...credential, "x-act-for": "ada" }, { ...credential, "x-act-for": "bob" }]) {
    const { conversation } = await conversations(caller).createConversation({});
    await conversations(caller).deleteConversation({ conversationId: conversation?.id ?? "" });
  }
  const found = async (actor: object) => {
    const { auditEntries } = await server.client(AuditService, credential).listAuditEntries({ actor });
    return auditEntries.map(({ actor: who }) => who);
  };
  expect(await found(apiKey(id))).toEqual([apiKey(id, "bob"), apiKey(id, "ada"), apiKey(id)]);
  expect(await found(apiKey(id, "ada"))).toEqual([apiKey(id, "ada")]);
  await expect(found({ type: ActorType.API_KEY })).rejects.toThrow("actor.id: must be set in a filter");
  await expect(found({ id: "ada", actingFor: "bob" })).rejects.toThrow("actor.acting_for: must be unset unless");
});
