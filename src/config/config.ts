// Reads the environment into one typed, frozen object. Reports all problems at once, by variable.
import { join } from "node:path";
import type { Network } from "../access/client-address/client-address.ts";
import type { StreamLimits } from "../access/limits/open-streams.ts";
import type { RatePolicies } from "../access/limits/rate-limits.ts";
import type { IssuerSettings } from "../access/tokens/issuers.ts";
import type { RoleName } from "../domain/messages/role-policy.ts";
import type { ConsoleIssuer } from "../domain/settings/console-issuer.ts";
import { type MountPoint, TRUSTING_DIALECTS, type TrustingDialect } from "../domain/settings/dialect-names.ts";
import { mounts } from "./dialect-values.ts";
import type { FilesSetting } from "./file-values.ts";
import type { TracingSettings } from "./otel-values.ts";
import type { HintsSetting } from "./values.ts";
import { type LOG_LEVELS, type POOLING, type PROFILES, readSettings, type Settings } from "./variables.ts";

export { ConfigError } from "./variables.ts";

export interface Config {
  readonly profile: (typeof PROFILES)[number];
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  /** An external PostgreSQL; undefined: the embedded one. Contains a password: not for logs. */
  readonly databaseUrl: string | undefined;
  /** The same database past a pooler, for LISTEN and migrations. Contains a password: not for logs. */
  readonly databaseDirectUrl: string | undefined;
  /** Its replicas. Contain passwords: not for logs. */
  readonly replicaUrls: readonly string[];
  /** Whether a connection is a session, or a pooler gives each transaction another one. */
  readonly pooling: (typeof POOLING)[number];
  /** Maximum database connections of each process; undefined: 10, or 2 for each core if that is more. */
  readonly poolSize: number | undefined;
  /** The schema of the tables. */
  readonly databaseSchema: string;
  /** Processes that serve. */
  readonly workers: number;
  /** Maximum bytes of pages of messages in memory, for each process; 0: none is kept. */
  readonly cacheBytes: number;
  readonly dataDir: string;
  readonly compat: readonly MountPoint[];
  /** Whether `compat` was set: a default dialect is skipped if its port is in use. */
  readonly compatChosen: boolean;
  readonly trust: { readonly dialects: readonly TrustingDialect[]; readonly tenant: string };
  /** Origins that browsers may call from; "loopback": any on this machine. */
  readonly cors: readonly string[] | "loopback";
  /** Host names accepted in requests, besides those of this machine. */
  readonly hosts: readonly string[] | "any";
  readonly issuers: readonly IssuerSettings[];
  readonly rateLimits: RatePolicies;
  readonly streamLimits: StreamLimits;
  /** The proxies whose forwarding headers are trusted. */
  readonly trustedProxies: readonly Network[];
  /** The roles that members may give to messages; undefined: all. */
  readonly memberRoles: readonly RoleName[] | undefined;
  readonly agents: {
    /** Whether agents may be on loopback and private networks. */
    readonly allowPrivate: boolean;
    /** Encrypts the keys in the database; undefined: they are there as they are. Secret. */
    readonly key: string | undefined;
    /** The one before it. Secret. */
    readonly oldKey: string | undefined;
  };
  readonly console: {
    readonly served: boolean;
    /** The identity providers at which people sign in to it. */
    readonly issuers: readonly ConsoleIssuer[];
  };
  readonly webhooks: {
    /** Whether webhooks may go to loopback and private networks. */
    readonly allowPrivate: boolean;
  };
  /** Idle time after which a stream gets a heartbeat. */
  readonly heartbeatMs: number;
  /** Transport of hints between servers. May contain a password. */
  readonly hints: HintsSetting;
  readonly files: {
    /** Where their bytes lie; a folder is relative to the working directory. */
    readonly place: FilesSetting;
    /** Maximum bytes of a file. */
    readonly maxBytes: number;
    /** Maximum bytes of the files of a tenant; undefined: no limit. */
    readonly quota: number | undefined;
  };
  /** Days after which a deleted conversation is purged; undefined: never. */
  readonly purgeAfterDays: number | undefined;
  /** How long a stopping server still serves while it reports that it is not ready, in milliseconds. */
  readonly drainDelayMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Whether unary calls use the fast path instead of Connect's handlers. */
  readonly unaryLane: boolean;
  /** The same for calls that return a stream. */
  readonly streamLane: boolean;
  /** Undefined: calls are not traced. */
  readonly tracing: TracingSettings | undefined;
}

const DEFAULT_COMPAT = "callcenter,crm,assistant,workorder,helpdesk@3030,openai,mcp,agui,aisdk,a2a";

/** @throws ConfigError with every invalid variable */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const { settings, tracing } = readSettings(environment);
  return assemble(settings, tracing);
}

function assemble(settings: Settings, tracing: TracingSettings | undefined): Config {
  const development = settings.COLLOQUY_PROFILE === "development";
  const { TLS_CERT, TLS_KEY } = settings;
  return deepFreeze({
    profile: settings.COLLOQUY_PROFILE,
    host: settings.HOST,
    port: settings.PORT,
    tls: TLS_CERT && TLS_KEY ? { certificateFile: TLS_CERT, keyFile: TLS_KEY } : undefined,
    databaseUrl: settings.DATABASE_URL,
    databaseDirectUrl: settings.COLLOQUY_DATABASE_DIRECT_URL,
    replicaUrls: settings.COLLOQUY_REPLICA_URLS ?? [],
    pooling: settings.COLLOQUY_POOLING,
    databaseSchema: settings.COLLOQUY_DATABASE_SCHEMA,
    poolSize: settings.COLLOQUY_POOL_SIZE,
    workers: settings.COLLOQUY_WORKERS,
    cacheBytes: settings.COLLOQUY_CACHE_SIZE,
    dataDir: settings.COLLOQUY_DATA_DIR,
    compat: settings.COLLOQUY_COMPAT ?? mounts.parse(DEFAULT_COMPAT),
    compatChosen: settings.COLLOQUY_COMPAT !== undefined,
    trust: {
      dialects: settings.COLLOQUY_TRUST ?? (development ? TRUSTING_DIALECTS : []),
      tenant: settings.COLLOQUY_TRUST_TENANT,
    },
    cors: settings.COLLOQUY_CORS ?? (development ? "loopback" : []),
    hosts: hostsOf(settings),
    issuers: settings.COLLOQUY_ISSUERS,
    rateLimits: settings.COLLOQUY_RATE_LIMITS,
    streamLimits: settings.COLLOQUY_STREAM_LIMITS,
    trustedProxies: settings.COLLOQUY_TRUSTED_PROXIES ?? [],
    memberRoles: settings.COLLOQUY_MEMBER_ROLES ?? (development ? undefined : ["user"]),
    agents: {
      allowPrivate: settings.COLLOQUY_AGENT_PRIVATE === "yes",
      key: settings.COLLOQUY_AGENT_KEY,
      oldKey: settings.COLLOQUY_AGENT_KEY_OLD,
    },
    webhooks: { allowPrivate: settings.COLLOQUY_WEBHOOK_PRIVATE === "yes" },
    console: { served: settings.COLLOQUY_CONSOLE === "on", issuers: settings.COLLOQUY_CONSOLE_OIDC },
    heartbeatMs: settings.COLLOQUY_HEARTBEAT * 1_000,
    hints: settings.COLLOQUY_HINTS,
    files: {
      place: settings.COLLOQUY_FILES ?? { kind: "disk", folder: join(settings.COLLOQUY_DATA_DIR, "files") },
      maxBytes: settings.COLLOQUY_FILE_MAX,
      quota: settings.COLLOQUY_FILE_QUOTA,
    },
    purgeAfterDays: settings.COLLOQUY_PURGE_AFTER,
    // In production a load balancer must notice; in development nobody wants to wait.
    drainDelayMs: (settings.COLLOQUY_DRAIN_DELAY ?? (development ? 0 : 5)) * 1_000,
    logLevel: settings.LOG_LEVEL,
    unaryLane: settings.COLLOQUY_UNARY === "on",
    streamLane: settings.COLLOQUY_STREAMS === "on",
    tracing,
  });
}

/** In production no caller is trusted because of its address, so a page that uses DNS rebinding gains nothing. */
function hostsOf({ COLLOQUY_HOSTS: names, COLLOQUY_PROFILE, HOST }: Settings): Config["hosts"] {
  if (names?.includes("*") || (names === undefined && COLLOQUY_PROFILE === "production")) return "any";
  return [...(names ?? []), HOST.toLowerCase()];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
