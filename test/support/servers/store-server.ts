// A server with the store's own services on a database of its own. The test sets the caller, without a credential.
import { randomBytes } from "node:crypto";
import { type Client, createClient, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { EventService } from "../../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { PresenceService } from "../../../gen/colloquy/v1/presence_service_pb.ts";
import { ReactionService } from "../../../gen/colloquy/v1/reaction_service_pb.ts";
import { SignalService } from "../../../gen/colloquy/v1/signal_service_pb.ts";
import { TransferService } from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Connector } from "../../../src/agents/connectors/connector.ts";
import { createConnectors } from "../../../src/agents/connectors/connectors.ts";
import { createSealer } from "../../../src/agents/secrets/sealing.ts";
import { createTurns, type Turns, type TurnsOptions } from "../../../src/agents/turns/turns.ts";
import type { Principal, Role, Scope } from "../../../src/domain/identity/principal.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { RolePolicy } from "../../../src/domain/messages/role-policy.ts";
import type { TurnTimes } from "../../../src/domain/turns/turn.ts";
import { createDiskStore } from "../../../src/files/disk.ts";
import { createHints, type Hints } from "../../../src/live/hints/hints.ts";
import { announcing } from "../../../src/live/hints/publish.ts";
import { Presence, type PresenceTimes } from "../../../src/live/presence/presence.ts";
import { createLifecycle } from "../../../src/pipeline/lifecycle.ts";
import { createPipeline } from "../../../src/pipeline/pipeline.ts";
import { type BodyRuleLimits, type BodyRules, createBodyRules } from "../../../src/protocols/http/body/rules.ts";
import { createServer } from "../../../src/server/server.ts";
import { createAgentService } from "../../../src/services/agents/service.ts";
import { createConversationService } from "../../../src/services/conversations/service.ts";
import { toMessage } from "../../../src/services/convert.ts";
import { Scheduler } from "../../../src/services/drafts/scheduler.ts";
import { createDraftService } from "../../../src/services/drafts/service.ts";
import { createEventService } from "../../../src/services/events/service.ts";
import { createSubscriptions } from "../../../src/services/events/subscribe.ts";
import { createMessageService } from "../../../src/services/messages/service.ts";
import { createParticipantService } from "../../../src/services/participants/service.ts";
import { createPresenceService } from "../../../src/services/presence/service.ts";
import { createReactionService } from "../../../src/services/reactions/service.ts";
import { createSignalService } from "../../../src/services/signals/service.ts";
import { createTransferService } from "../../../src/services/transfer/service.ts";
import { leftTurn } from "../../../src/services/turns/left-turn.ts";
import { createTurnService } from "../../../src/services/turns/service.ts";
import type { Database } from "../../../src/store/database.ts";
import { createTenantSecrets } from "../../../src/store/directory/tenant-secrets.ts";
import type { DatabaseOptions } from "../../../src/store/open-database.ts";
import { type ServerPresence, showServer } from "../../../src/store/server-presence.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { createTestDatabase, type TestDatabase } from "../postgres/postgres.ts";
import { STREAM_LANE, UNARY_LANE } from "./echo-server.ts";

/** The bytes of files, of which this server has none: a folder that is not there. */
const NO_BYTES = createDiskStore("/nonexistent/colloquy");

export interface Clients {
  readonly agents: Client<typeof AgentService>;
  readonly conversations: Client<typeof ConversationService>;
  readonly messages: Client<typeof MessageService>;
  readonly turns: Client<typeof TurnService>;
  readonly participants: Client<typeof ParticipantService>;
  readonly reactions: Client<typeof ReactionService>;
  readonly signals: Client<typeof SignalService>;
  readonly drafts: Client<typeof DraftService>;
  readonly presence: Client<typeof PresenceService>;
  readonly events: Client<typeof EventService>;
  readonly transfer: Client<typeof TransferService>;
}

export interface TestTenant {
  readonly id: string;
  /** Makes members, so that they can own conversations and take part. */
  addMembers(members: Record<string, { role?: Role; manager?: string }>): Promise<void>;
  /** Calls as a member. */
  member(memberId: string, role?: Role): Clients;
  /** Calls as an API key, which may act for a member. */
  key(scopes?: readonly Scope[], memberId?: string): Clients;
  /** What `createClient` of the published client takes to call as a member. */
  introduce(memberId: string, role?: Role): Interceptor;
}

export interface StoreServerOptions {
  /** The database of another server; that one drops it. Default: one of its own. */
  readonly beside?: StoreServer;
  /** Makes the hints, given where the database is. Default: in this process alone. */
  readonly makeHints?: (url: string) => Promise<Hints>;
  readonly turnTimes?: TurnTimes;
  /** Whether it shows other servers that it lives. Default: no. */
  readonly isPresent?: boolean;
  /** Whether agents may be on the loopback. Default: true. */
  readonly allowPrivate?: boolean;
  /** After how many days a deleted conversation is purged. Default: never. */
  readonly purgeAfterDays?: number;
  /** Replies in the place of every agent's connector. */
  readonly agent?: Connector;
  /** Whether scheduled messages are sent. Default: false. */
  readonly schedules?: boolean;
  /** How presence is kept. Default: it is not. */
  readonly presence?: Partial<PresenceTimes>;
  /** How the database is opened. */
  readonly database?: Pick<DatabaseOptions, "poolSize" | "maxWaiting" | "observer">;
  /** Of request bodies, where they are not those of every server. */
  readonly bodyLimits?: Partial<BodyRuleLimits>;
}

export interface StoreServer {
  readonly url: string;
  readonly own: TestDatabase;
  readonly database: Database;
  readonly hints: Hints;
  readonly turns: Turns;
  readonly bodies: BodyRules;
  /** A tenant that was made beside it, over this server. */
  sameTenant(tenant: TestTenant): TestTenant;
  /** Makes a tenant with these members, all of the role `member`. */
  tenant(...members: string[]): Promise<TestTenant>;
  close(): Promise<void>;
}

const ROLE_NUMBERS: Record<Role, number> = { lead: 1, member: 2, manager: 3, admin: 4, super_admin: 5 };

/** All test servers seal with this, as servers on one database do. */
const SEALING_KEY = Buffer.alloc(32, 7);

export async function startStoreServer(options: StoreServerOptions = {}): Promise<StoreServer> {
  const own = options.beside?.own ?? (await createTestDatabase());
  const hints = await (options.makeHints?.(own.url) ?? createHints());
  const database = announcing(await own.open(options.database), hints);
  const lifecycle = createLifecycle();
  const metrics = createMetrics();
  const logger = createLogger({ level: "silent" });
  const secrets = createTenantSecrets(database);
  const { allowPrivate = true, turnTimes } = options;
  const times = { renewMs: 200, leaseMs: 60_000, graceMs: 100, writeMs: 5, ...options.presence };
  const presence = new Presence({ database, signals: hints.signals, onError: () => {}, times });
  if (options.presence) presence.start();
  const subscriptions = createSubscriptions({ database, hints, presence, draining: lifecycle.draining });
  const sealer = createSealer([SEALING_KEY]);
  const real = createConnectors({ sealer, allowPrivate, toMessage });
  const { agent } = options;
  const connectors = agent ? { ...real, connectorOf: () => agent } : real;
  const taskOf: TurnsOptions["taskOf"] = (place, row) => leftTurn(database, place, row);
  const { resolve: present, promise: shown } = Promise.withResolvers<ServerPresence>();
  const show: TurnsOptions["present"] = (id) => {
    const serverShown = showServer({ url: own.url, server: id, onError: () => {} });
    present(serverShown);
    return serverShown;
  };
  const turns = createTurns({
    database,
    hints,
    connectors,
    log: logger,
    taskOf,
    ...(options.isPresent && { present: show }),
    ...(turnTimes && { times: turnTimes }),
  });
  if (options.isPresent) await (await shown).shown;
  const rolePolicy = new RolePolicy(undefined);
  const scheduler = new Scheduler({ database, rolePolicy, onError: () => {} });
  if (options.schedules) scheduler.start();
  const pipeline = createPipeline({
    services: [
      createConversationService({ database, secrets, purgeAfterDays: options.purgeAfterDays }),
      createMessageService({ database, secrets }),
      createTurnService({ database, turns, hints, secrets }),
      createParticipantService({ database, secrets }),
      createReactionService({ database, secrets }),
      createSignalService({ database, signals: hints.signals }),
      createPresenceService({ database, signals: hints.signals }),
      createDraftService({
        database,
        secrets,
        signals: hints.signals,
        rolePolicy,
        scheduled: () => scheduler.wake(),
      }),
      createEventService({ database, secrets, subscriptions }),
      createTransferService({ database, bytes: NO_BYTES, renew: subscriptions.renew }),
      createAgentService({ database, secrets, sealer, allowPrivate }),
    ],
    authenticate: (head) => revive(head.header("x-test-principal") ?? ""),
    lifecycle,
    metrics,
    logger,
  });
  const bodies = createBodyRules(options.bodyLimits);
  const server = createServer({
    pipeline,
    bodies,
    lifecycle,
    host: "127.0.0.1",
    port: 0,
    cors: { origins: [], loopback: true },
    ready: async () => true,
    metrics,
    logger,
    unaryLane: UNARY_LANE,
    streamLane: STREAM_LANE,
  });
  const { url } = await server.listen();

  const clientsOf = (principal: Principal): Clients => {
    const interceptors = [introduceAs(principal)];
    const transport = createConnectTransport({ baseUrl: url, httpVersion: "2", interceptors });
    return {
      agents: createClient(AgentService, transport),
      conversations: createClient(ConversationService, transport),
      messages: createClient(MessageService, transport),
      turns: createClient(TurnService, transport),
      participants: createClient(ParticipantService, transport),
      reactions: createClient(ReactionService, transport),
      signals: createClient(SignalService, transport),
      drafts: createClient(DraftService, transport),
      presence: createClient(PresenceService, transport),
      events: createClient(EventService, transport),
      transfer: createClient(TransferService, transport),
    };
  };

  const tenantOf = (id: string): TestTenant => ({
    id,
    async addMembers(added) {
      for (const [memberId, { role = "member", manager = null }] of Object.entries(added)) {
        const text = "insert into member (tenant_id, id, role, manager_id) values ($1, $2, $3, $4)";
        await database.query({ name: "test_member", text }, [id, memberId, ROLE_NUMBERS[role], manager]);
      }
    },
    member: (memberId, role = "member") => clientsOf({ kind: "member", tenantId: id, memberId, role }),
    key: (scopes = ["read", "write", "admin"], memberId) =>
      clientsOf({ kind: "key", tenantId: id, keyId: newId(), scopes: new Set(scopes), memberId }),
    introduce: (memberId, role = "member") => introduceAs({ kind: "member", tenantId: id, memberId, role }),
  });

  return {
    url,
    own,
    database,
    hints,
    turns,
    bodies,
    sameTenant: ({ id }) => tenantOf(id),
    async tenant(...members) {
      const id = newId();
      const insert = { name: "test_tenant", text: "insert into tenant (id, slug, secret) values ($1, $2, $3)" };
      await database.query(insert, [id, `t-${id}`, randomBytes(32)]);
      const tenant = tenantOf(id);
      await tenant.addMembers(Object.fromEntries(members.map((member) => [member, {}])));
      return tenant;
    },
    async close() {
      await server.close({ deadlineMs: 1_000 });
      await scheduler.stop();
      await presence.stop();
      await turns.close();
      await connectors.close();
      await hints.close();
      if (options.beside === undefined) await own.drop();
    },
  };
}

function introduceAs(principal: Principal): Interceptor {
  const text = JSON.stringify(principal, (_, value) => (value instanceof Set ? [...value] : value));
  return (next) => (request) => {
    request.header.set("x-test-principal", text);
    return next(request);
  };
}

function revive(text: string): Principal {
  return JSON.parse(text, (key, value) => (key === "scopes" ? new Set(value as Scope[]) : value)) as Principal;
}
