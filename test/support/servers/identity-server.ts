// The whole server, as it is shipped, on a database of its own: callers use real keys and tokens, on every wire.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DescService } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { Logger } from "pino";
import { makeApiKey } from "../../../src/access/keys/api-key.ts";
import { LocalIssuer } from "../../../src/access/tokens/local-issuer.ts";
import { createApp } from "../../../src/app/app.ts";
import { bootstrap } from "../../../src/app/first-run.ts";
import { loadConfig } from "../../../src/config/config.ts";
import type { Role, Scope } from "../../../src/domain/identity/principal.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { operatorKeys } from "../../../src/domain/secrets/operator-keys.ts";
import type { BodyRuleLimits } from "../../../src/protocols/http/body/rules.ts";
import type { Database } from "../../../src/store/database.ts";
import { roleNumber } from "../../../src/store/directory/access.ts";
import { addTenant } from "../../../src/store/directory/tenants.ts";
import { createKeyRing } from "../../../src/store/keys/server-keys.ts";
import { createTestDatabase, silent, type TestDatabase } from "../postgres/postgres.ts";

/** Headers that say who calls. */
export type Credential = Readonly<Record<string, string>>;

export const WIRES = ["connect", "grpc", "grpc-web"] as const;

export interface IdentityServerOptions {
  /** Settings besides those that every test server has. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
  /** Another server, whose database and data directory it shares; that one drops them. Default: its own. */
  readonly beside?: IdentityServer;
  /** Told of every statement that is sent to the database. */
  readonly onStatement?: (text: string) => void;
  /** Connections to the database, and how many calls may wait for one. Default: 10, and 2,000. */
  readonly connections?: { readonly poolSize: number; readonly maxWaiting: number };
  /** Gives the server another database, made of its own. */
  readonly wrap?: (opened: Database) => Database;
  /** Whether replicas of the database may be read: none is there. Default: false. */
  readonly replicas?: boolean;
  /** Of request bodies, where they are not those of every server. */
  readonly bodyLimits?: Partial<BodyRuleLimits>;
}

export interface IdentityTenant {
  readonly id: string;
  readonly slug: string;
  addMember(id: string, member?: { role?: Role; manager?: string }): Promise<void>;
  key(...scopes: Scope[]): Promise<{ readonly id: string; readonly text: string; readonly credential: Credential }>;
  /** A token of the local issuer, whose role claim is set only if `role` is given. */
  token(sub: string, role?: Role): Promise<Credential>;
}

export interface IdentityServer extends AsyncDisposable {
  readonly url: string;
  readonly own: TestDatabase;
  readonly dataDir: string;
  /** Of its database, for commands. */
  readonly databaseUrl: string;
  readonly database: Database;
  readonly issuer: LocalIssuer;
  tenant(slug?: string): Promise<IdentityTenant>;
  /** A super administrator's token, which names no tenant. */
  superAdmin(sub?: string): Promise<Credential>;
  client<S extends DescService>(service: S, credential: Credential, wire?: (typeof WIRES)[number]): Client<S>;
  close(): Promise<void>;
}

/** The test has its part in how late this process is, and so has whatever else runs on the machine. */
const NEVER_LATE = { read: () => ({ elapsedMs: 0, ownDelayMs: 0, lostMs: 0 }), stop: () => {} };

export async function startIdentityServer(options: IdentityServerOptions = {}): Promise<IdentityServer> {
  const own = options.beside?.own ?? (await createTestDatabase());
  const { onStatement, logger = silent, environment = {}, bodyLimits = {}, connections } = options;
  // Hundreds of calls at once wait for their turn here; that a full queue sheds is tested with the database.
  const { wrap = (opened: Database) => opened } = options;
  const opened = await own.open({
    maxWaiting: 2_000,
    ...(options.replicas && { replicas: { urls: [], onChange: () => {} } }),
    ...connections,
    ...(onStatement && { observer: { onStatement } }),
  });
  const database = wrap(opened);
  const dataDir = options.beside?.dataDir ?? (await mkdtemp(join(tmpdir(), "colloquy-identity-")));
  const config = loadConfig({
    PORT: "0",
    COLLOQUY_DATA_DIR: dataDir,
    COLLOQUY_COMPAT: "",
    COLLOQUY_RATE_LIMITS: "off",
    ...environment,
  });
  const app = await createApp(config, logger, database, own.url, { loop: NEVER_LATE, bodyLimits });
  const { url } = await app.start(() => bootstrap(database));
  const issuer = new LocalIssuer(createKeyRing(database, "signing", operatorKeys(config.agents)));

  // One for each caller, so that its calls share connections.
  const transports = new Map<string, Transport>();
  const transportOf = (credential: Credential, wire: (typeof WIRES)[number]): Transport => {
    const key = JSON.stringify([wire, credential]);
    const transport = transports.get(key) ?? transportTo(url, credential, wire);
    transports.set(key, transport);
    return transport;
  };

  const close = async () => {
    await app.stop();
    if (options.beside !== undefined) return;
    await own.drop();
    await rm(dataDir, { recursive: true });
  };

  return {
    url,
    databaseUrl: own.url,
    own,
    dataDir,
    database,
    issuer,
    client: (service, credential, wire = "connect") => createClient(service, transportOf(credential, wire)),
    close,
    [Symbol.asyncDispose]: close,
    async superAdmin(sub = "root") {
      return bearer(await issuer.issue({ tenantId: undefined, sub, role: "super_admin", ttl: 3600 }));
    },
    async tenant(slug) {
      const id = newId();
      const name = slug ?? `t-${id}`;
      await addTenant(database, { id, slug: name, name: "", secret: randomBytes(32) });
      return tenantOf(database, issuer, id, name);
    },
  };
}

function tenantOf(database: Database, issuer: LocalIssuer, tenantId: string, slug: string): IdentityTenant {
  return {
    id: tenantId,
    slug,
    async addMember(id, { role = "member", manager } = {}) {
      const text = "insert into member (tenant_id, id, role, manager_id) values ($1, $2, $3, $4)";
      await database.query({ name: "test_member", text }, [tenantId, id, roleNumber(role), manager ?? null]);
    },
    async key(...scopes) {
      const { keyId, text, secretHash } = makeApiKey(tenantId, newId());
      const insert =
        "insert into api_key (tenant_id, id, scopes, secret_hash, creator) values ($1, $2, $3, $4, 'test')";
      await database.query({ name: "test_key", text: insert }, [tenantId, keyId, scopes, Buffer.from(secretHash)]);
      return { id: keyId, text, credential: bearer(text) };
    },
    async token(sub, role) {
      return bearer(await issuer.issue({ tenantId, sub, role, ttl: 3600 }));
    },
  };
}

export function bearer(text: string): Credential {
  return { authorization: `Bearer ${text}` };
}

function transportTo(baseUrl: string, credential: Credential, wire: (typeof WIRES)[number]): Transport {
  const introduce: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(credential)) request.header.set(name, value);
    return next(request);
  };
  const interceptors = [introduce];
  switch (wire) {
    case "connect":
      return createConnectTransport({ baseUrl, httpVersion: "2", interceptors });
    case "grpc":
      return createGrpcTransport({ baseUrl, interceptors });
    case "grpc-web":
      return createGrpcWebTransport({ baseUrl, httpVersion: "1.1", interceptors });
  }
}
