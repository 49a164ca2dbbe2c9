// F-CUT: the pages of a list, cut by bytes and by count, are together the whole list, each item once.
import { create, type Message } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as access from "../../gen/colloquy/v1/access_service_pb.ts";
import * as agents from "../../gen/colloquy/v1/agent_service_pb.ts";
import * as audit from "../../gen/colloquy/v1/audit_service_pb.ts";
import * as conversations from "../../gen/colloquy/v1/conversation_service_pb.ts";
import * as directory from "../../gen/colloquy/v1/directory_service_pb.ts";
import { type Member, MemberSchema } from "../../gen/colloquy/v1/member_pb.ts";
import * as participants from "../../gen/colloquy/v1/participant_service_pb.ts";
import * as tenants from "../../gen/colloquy/v1/tenant_service_pb.ts";
import { systemCaller } from "../../src/domain/identity/caller.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { PAGE_BYTES } from "../../src/services/page-weight.ts";
import { paginate } from "../../src/services/paginate.ts";
import { RowBudget } from "../../src/store/driver/row-budget.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

vi.setConfig({ testTimeout: 240_000 });

describe("F-CUT: whatever the rows weigh", () => {
  const text = "x".repeat(4 << 20);
  const secrets = async () => Buffer.alloc(32, 1);
  const caller = systemCaller(newId(), "server");

  /** As a statement with a row budget reads them. */
  function read(sizes: readonly number[], after: number, limit: number, most: number) {
    const budget = new RowBudget(most);
    const rows: { key: number; size: number }[] = [];
    for (let key = after; key < Math.min(sizes.length, after + limit); key++) {
      const size = sizes[key] as number;
      if (budget.takes(size)) rows.push({ key, size });
    }
    budget.note(rows);
    return rows;
  }

  test("the pages are the whole", async () => {
    const size = fc.oneof(fc.nat(200), fc.nat(400_000), fc.nat(4 << 20));
    await fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 6 << 20 }),
        fc.boolean(),
        async (sizes, limit, most, weighed) => {
          const seen: Member[] = [];
          const schema = directory.ListMembersRequestSchema;
          let request = create(schema, { pageSize: limit });
          for (let calls = 0; calls === 0 || request.pageToken !== ""; calls++) {
            expect(calls).toBeLessThanOrEqual(sizes.length);
            const page = await paginate(secrets, caller, schema, request, {
              item: MemberSchema,
              read: async ({ after: [key = "-1"] = [], limit: rows }) =>
                read(sizes, Number(key) + 1, rows, weighed ? Number.MAX_SAFE_INTEGER : most),
              convert: (row) => create(MemberSchema, { id: String(row.key), displayName: text.slice(0, row.size) }),
              key: ({ key }) => [String(key)],
              ...(weighed && { heavy: true }),
            });
            expect(page.items.length).toBeLessThanOrEqual(limit);
            const bytes = page.items.reduce((sum, item) => sum + (item.displayName?.length ?? 0), 0);
            if (page.items.length > 1) expect(bytes).toBeLessThanOrEqual(PAGE_BYTES);
            seen.push(...(page.items as Member[]));
            request = create(schema, { pageSize: limit, pageToken: page.nextPageToken });
          }
          expect(seen.map(({ id }) => Number(id))).toEqual(sizes.map((_, i) => i));
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("F-CUT: each list of the contract, with rows larger than any rule lets in today", () => {
  /** Together more than an answer may have. */
  const ROWS = 40;
  let server: IdentityServer;
  let clients: Awaited<ReturnType<typeof clientsOf>>;
  let conversationId: string;

  async function clientsOf() {
    const tenant = await server.tenant();
    const key = (await tenant.key("read", "write", "admin")).credential;
    const root = await server.superAdmin();
    return {
      tenantId: tenant.id,
      access: server.client(access.AccessService, key, "grpc"),
      agents: server.client(agents.AgentService, key, "grpc"),
      audit: server.client(audit.AuditService, key, "grpc"),
      conversations: server.client(conversations.ConversationService, key, "grpc"),
      members: server.client(directory.DirectoryService, key, "grpc"),
      participants: server.client(participants.ParticipantService, key, "grpc"),
      tenants: server.client(tenants.TenantService, root, "grpc"),
    };
  }

  const LONG = "repeat('long', 30000)";
  async function insert(name: string, text: string, values: unknown[]): Promise<void> {
    await server.database.query({ name: `test_${name}`, text }, values);
  }

  beforeAll(async () => {
    server = await startIdentityServer();
    clients = await clientsOf();
    const { tenantId: id } = clients;
    const { conversation } = await clients.conversations.createConversation({});
    conversationId = conversation!.id;
    const each = `generate_series(1, ${ROWS}) n`;
    await insert(
      "members",
      `insert into member (tenant_id, id, display_name) select $1::uuid, 'm' || lpad(n::text, 3, '0'), ${LONG} from ${each}`,
      [id],
    );
    await insert(
      "keys",
      `insert into api_key (tenant_id, id, name, scopes, secret_hash, creator)
       select $1::uuid, gen_random_uuid(), ${LONG}, '{read}', '\\x00'::bytea, 'test' from ${each}`,
      [id],
    );
    await insert(
      "agents",
      `insert into agent (tenant_id, id, name, description, connector, settings, idle_timeout_ms, timeout_ms)
       select $1::uuid, gen_random_uuid(), 'a' || n, ${LONG}, 'echo', '{}', 1000, 1000 from ${each}`,
      [id],
    );
    await insert(
      "audit",
      `insert into audit (tenant_id, id, actor, action, resource_type, resource_id, request_id, address, details)
       select $1::uuid, gen_random_uuid(), 'test', 'test.size', 'member', n::text, '', '', jsonb_build_object('text', ${LONG})
       from ${each}`,
      [id],
    );
    const addTenant = "insert into tenant (id, slug, name, secret) values ($1, $2, $3, $4)";
    for (let i = 0; i < ROWS; i++) {
      await insert("tenants", addTenant, [newId(), `size-${i}`, "long".repeat(30_000), Buffer.of(0)]);
    }
    await insert(
      "participants",
      `insert into participant (tenant_id, conversation_id, member_id, join_seq, join_time, conversation_time)
       select c.tenant_id, c.id, m.id, 1, now(), c.create_time from conversation c
       join member m on m.tenant_id = c.tenant_id where c.tenant_id = $1::uuid and c.id = $2::uuid`,
      [id, conversationId],
    );
  }, 240_000);
  afterAll(() => server.close());

  interface Answer extends Message {
    readonly nextPageToken: string;
  }
  type Ask = { pageSize: number; pageToken: string };
  const LISTS: [string, (ask: Ask) => Promise<[Answer, readonly string[]]>, RegExp][] = [
    ["members", async (a) => keyed(await clients.members.listMembers(a), (r) => r.members.map((m) => m.id)), /^m\d/],
    ["keys", async (a) => keyed(await clients.access.listApiKeys(a), (r) => r.apiKeys.map((k) => k.id)), /./],
    ["agents", async (a) => keyed(await clients.agents.listAgents(a), (r) => r.agents.map((k) => k.name)), /^a\d/],
    [
      "audit entries",
      async (a) =>
        keyed(await clients.audit.listAuditEntries({ ...a, action: "test.size" }), (r) =>
          r.auditEntries.map((e) => e.resourceId),
        ),
      /./,
    ],
    [
      "tenants",
      async (a) => keyed(await clients.tenants.listTenants(a), (r) => r.tenants.map((t) => t.slug)),
      /^size-/,
    ],
    [
      "participants",
      async (a) =>
        keyed(await clients.participants.listParticipants({ ...a, conversationId }), (r) =>
          r.participants.map((p) => p.memberId),
        ),
      /^m\d/,
    ],
  ];
  function keyed<A extends Answer>(answer: A, keys: (answer: A) => string[]): [A, string[]] {
    return [answer, keys(answer)];
  }

  test.each(LISTS)("%s", async (_, ask, ours) => {
    for (const pageSize of [200, 7]) {
      const seen: string[] = [];
      let pageToken = "";
      do {
        const [answer, keys] = await ask({ pageSize, pageToken });
        seen.push(...keys);
        pageToken = answer.nextPageToken;
      } while (pageToken !== "" && seen.length < 1_000);
      const own = seen.filter((key) => ours.test(key));
      expect(new Set(own).size).toBe(own.length);
      expect(own.length).toBeGreaterThanOrEqual(ROWS);
    }
  });
});
