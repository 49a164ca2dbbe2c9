// Builds authentication: the parts of access, connected to the store and to the services for keys, members and tenants.
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { OutsideReads as Setting } from "../../gen/colloquy/v1/tenant_pb.ts";
import { Gate } from "../access/admission.ts";
import { Authenticator } from "../access/authenticate.ts";
import type { ClientAddress } from "../access/client-address/client-address.ts";
import { Directory } from "../access/directory.ts";
import { KeyUses } from "../access/keys/key-uses.ts";
import { RateLimits } from "../access/limits/rate-limits.ts";
import { openIssuers } from "../access/tokens/issuers.ts";
import { LocalIssuer } from "../access/tokens/local-issuer.ts";
import { Tokens } from "../access/tokens/tokens.ts";
import type { Config } from "../config/config.ts";
import type { CountExchange } from "../domain/fixed-window.ts";
import { permit, ruleOf } from "../domain/identity/permissions.ts";
import type { Principal } from "../domain/identity/principal.ts";
import { operatorKeys } from "../domain/secrets/operator-keys.ts";
import type { Hints } from "../live/hints/hints.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import type { PipelineOptions } from "../pipeline/pipeline.ts";
import type { ServiceEntry } from "../pipeline/service.ts";
import type { HttpHandler } from "../protocols/http/request.ts";
import { publishKeys } from "../server/endpoints/published-keys.ts";
import { tokenEndpoint } from "../server/endpoints/token-endpoint.ts";
import { createAccessService } from "../services/api-keys/service.ts";
import { createAuditService } from "../services/audit/service.ts";
import { createDirectoryService } from "../services/directory/service.ts";
import { createErasureService } from "../services/erasure/service.ts";
import { renewedFor } from "../services/in-process/context.ts";
import { createJobService } from "../services/jobs/service.ts";
import { createLegalHoldService } from "../services/legal-holds/service.ts";
import { OutsideReads } from "../services/outside-reads/outside-reads.ts";
import { createRetentionService } from "../services/retention/service.ts";
import { createTenantService } from "../services/tenants/service.ts";
import type { Database } from "../store/database.ts";
import { createKeyStore, createMemberStore, createTenantStore } from "../store/directory/access.ts";
import type { TenantSecrets } from "../store/directory/tenant-secrets.ts";
import { createKeyRing } from "../store/keys/server-keys.ts";
import { exchangeCounts, forgetEverywhere, listenForChanges } from "./between-servers.ts";

export interface IdentityOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  readonly config: Pick<Config, "dataDir" | "agents" | "issuers" | "rateLimits" | "heartbeatMs">;
  /** By which servers tell each other of revocations and counts. */
  readonly hints: Pick<Hints, "signals">;
  readonly clientAddress: ClientAddress;
  /** Told of each new job. */
  readonly wakeJobs: () => void;
  /** Called for errors outside of calls. */
  readonly onError: (error: unknown) => void;
  readonly log: Logger;
}

export interface Identity {
  /** The stages of the pipeline before a body is read. */
  readonly stages: Required<Pick<PipelineOptions, "authenticate" | "claimed" | "limit" | "allow">>;
  /** Says again who calls, in the middle of a call, or throws as authentication does. */
  readonly renew: (context: CallContext) => Promise<Principal>;
  readonly outsideReads: OutsideReads;
  readonly services: readonly ServiceEntry[];
  /** HTTP handlers by exact path: `/.well-known/jwks.json` and `/oauth2/token`. */
  readonly endpoints: ReadonlyMap<string, HttpHandler>;
  readonly gate: Gate;
  readonly directory: Directory;
  readonly localIssuer: LocalIssuer;
  /** With the other servers. */
  readonly counts: CountExchange;
  /** Creates or rotates the local key, and starts to record last uses. Throws if a key or its file is unusable. */
  start(): Promise<void>;
  /** Applies other issuers and limits. Throws a SettingError, and changes nothing, if a key file is unusable. */
  reload(settings: Pick<Config, "issuers" | "rateLimits">): Promise<void>;
  /** Records the remaining last uses. The database must still be open. */
  stop(): Promise<void>;
}

/** How often the age of the local key is checked. */
const ROTATION_CHECK_MS = 24 * 60 * 60 * 1000;
/** While servers restart one by one with another key. */
const UNREADABLE_KEYS =
  "cannot read the keys in the database again, and goes on with those that it has: restart with the COLLOQUY_AGENT_KEY of the other servers";

export async function createIdentity(options: IdentityOptions): Promise<Identity> {
  const { database, secrets, config, hints, clientAddress, onError, log } = options;
  const { signals } = hints;
  const { dataDir, agents, issuers, rateLimits } = config;
  const keys = createKeyStore(database);
  const directory = new Directory({
    keys,
    tenants: createTenantStore(database),
    members: createMemberStore(database),
  });
  const uses = new KeyUses({ store: keys, onError });
  const onUnreadable = (err: unknown) => log.warn({ err }, UNREADABLE_KEYS);
  const localIssuer = new LocalIssuer(createKeyRing(database, "signing", operatorKeys(agents), { onUnreadable }));
  const tokens = new Tokens({ issuers: [localIssuer.issuer(), ...(await openIssuers(issuers))] });
  let limitsInForce = rateLimits;
  const authenticator = new Authenticator({ tokens, directory, uses });
  const counts = exchangeCounts(signals);
  const gate = new Gate(authenticator, new RateLimits(rateLimits, counts));
  const forget = forgetEverywhere(directory, signals);
  listenForChanges(signals, directory);
  const outsideReads = new OutsideReads({
    database,
    known: (tenantId) => directory.knownTenant(tenantId)?.outsideReads,
    find: async (tenantId) => (await directory.tenant(tenantId))?.outsideReads ?? Setting.ALWAYS,
  });
  const renew = async (context: CallContext) => {
    const now = await gate.authenticate(context);
    const principal = outsideReads.holds(context) ? now : renewedFor(context, now);
    permit(principal, ruleOf(context.method));
    return outsideReads.renewed(context, principal);
  };
  const findTenant = (name: string) => directory.tenant(name);
  let rotation: NodeJS.Timeout | undefined;

  return {
    stages: {
      authenticate: (head) => gate.authenticate(head),
      claimed: (head) => gate.claimed(head),
      limit: (context: CallContext) => gate.limit(context.principal, (name, value) => context.setHeader(name, value)),
      allow: (context: CallContext) => permit(context.principal, ruleOf(context.method)),
    },
    renew,
    outsideReads,
    services: [
      createAccessService({
        database,
        secrets,
        findTenant,
        forgetKey: forget.key,
        issueForClient: (token) => localIssuer.issueForClient(token),
      }),
      createAuditService({ database, secrets, renew, heartbeatMs: config.heartbeatMs }),
      createLegalHoldService({ database, secrets, wakeJobs: options.wakeJobs }),
      createRetentionService({ database, secrets }),
      createErasureService({ database, forgetMember: forget.member, wake: options.wakeJobs }),
      createJobService({ database, secrets }),
      createDirectoryService({ database, secrets, forgetMember: forget.member }),
      createTenantService({
        database,
        secrets,
        findTenant,
        forgetTenant: forget.tenant,
      }),
    ],
    endpoints: new Map([
      ["/.well-known/jwks.json", publishKeys(localIssuer)],
      ["/oauth2/token", tokenEndpoint({ issuer: localIssuer, authenticator, gate, clientAddress, onError })],
    ]),
    gate,
    directory,
    localIssuer,
    counts,
    async start() {
      await localIssuer.keys.start(dataDir);
      const rotate = () => localIssuer.keys.rotateWhenOld();
      rotation = setInterval(() => void rotate().catch(onError), ROTATION_CHECK_MS).unref();
      uses.start();
    },
    async reload(settings) {
      tokens.replaceIssuers([localIssuer.issuer(), ...(await openIssuers(settings.issuers))]);
      // Counts go on where limits stay the same.
      if (!isDeepStrictEqual(settings.rateLimits, limitsInForce))
        gate.replaceLimits(new RateLimits(settings.rateLimits, counts));
      limitsInForce = settings.rateLimits;
    },
    async stop() {
      clearInterval(rotation);
      await uses.stop();
    },
  };
}
