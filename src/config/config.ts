// Reads the environment into one typed, frozen object. Reports all problems at once, by variable.
import { z } from "zod";
import type { Network } from "../access/client-address/client-address.ts";
import type { StreamLimits } from "../access/limits/open-streams.ts";
import type { RatePolicies } from "../access/limits/rate-limits.ts";
import type { IssuerSettings } from "../access/tokens/issuers.ts";
import { isLoopback } from "../domain/loopback.ts";
import type { Speaker } from "../domain/speaking.ts";
import {
  databaseUrl,
  days,
  type HintsSetting,
  hints,
  host,
  hostName,
  issuers,
  key32,
  list,
  type Mount,
  mounts,
  networks,
  onOrOff,
  origin,
  poolSize,
  port,
  rateLimits,
  readableFile,
  schemaName,
  seconds,
  speakers,
  streamLimits,
  TRUSTING_DIALECTS,
  type TrustingDialect,
  trusting,
  workers,
  yesOrNo,
} from "./values.ts";

export type { Dialect, Mount, TrustingDialect } from "./values.ts";

export const PROFILES = ["development", "production"] as const;
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export interface Config {
  readonly profile: (typeof PROFILES)[number];
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | undefined;
  /** An external PostgreSQL; undefined: the embedded one. Contains a password: not for logs. */
  readonly databaseUrl: string | undefined;
  /** Maximum database connections of each process; undefined: 10, or 2 for each core if that is more. */
  readonly poolSize: number | undefined;
  /** The schema of the tables. */
  readonly databaseSchema: string;
  /** Processes that serve. */
  readonly workers: number;
  readonly dataDir: string;
  readonly compat: readonly Mount[];
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
  readonly memberRoles: readonly Speaker[] | undefined;
  readonly agents: {
    /** Whether agents may be on loopback and private networks. */
    readonly allowPrivate: boolean;
    /** Encrypts their credentials; undefined: the key in the data directory. Secret. */
    readonly key: string | undefined;
  };
  /** Idle time after which a stream gets a heartbeat. */
  readonly heartbeatMs: number;
  /** Transport of hints between servers. May contain a password. */
  readonly hints: HintsSetting;
  /** Days after which a deleted conversation is purged; undefined: never. */
  readonly purgeAfterDays: number | undefined;
  /** How long a stopping server still serves while it reports that it is not ready, in milliseconds. */
  readonly drainDelayMs: number;
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** Whether unary calls use the fast path instead of Connect's handlers. */
  readonly unaryLane: boolean;
  /** The same for calls that return a stream. */
  readonly streamLane: boolean;
}

/** Problems of the environment: a line for each variable, without values that may be secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const DEFAULT_COMPAT = "callcenter,crm,assistant,workorder,helpdesk@3030";

const VARIABLES = {
  HOST: host.default("127.0.0.1"),
  PORT: port.default(8080),
  TLS_CERT: readableFile.optional(),
  TLS_KEY: readableFile.optional(),
  DATABASE_URL: databaseUrl.optional(),
  COLLOQUY_DATABASE_SCHEMA: schemaName.default("public"),
  COLLOQUY_POOL_SIZE: poolSize.optional(),
  COLLOQUY_WORKERS: workers.prefault("1"),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(", ")}` }).default("info"),
  COLLOQUY_DATA_DIR: z.string().default(".colloquy"),
  COLLOQUY_PROFILE: z.enum(PROFILES, { error: `must be one of ${PROFILES.join(", ")}` }).default("development"),
  COLLOQUY_COMPAT: mounts.optional(),
  COLLOQUY_TRUST: trusting.optional(),
  COLLOQUY_TRUST_TENANT: z.string().min(1).max(100).default("default"),
  COLLOQUY_TRUST_PUBLIC: yesOrNo.default("no"),
  COLLOQUY_CORS: list.pipe(z.array(origin)).optional(),
  COLLOQUY_HOSTS: list.pipe(z.array(hostName)).optional(),
  COLLOQUY_ISSUERS: issuers.prefault("[]"),
  COLLOQUY_RATE_LIMITS: rateLimits.prefault(""),
  COLLOQUY_STREAM_LIMITS: streamLimits.prefault(""),
  COLLOQUY_TRUSTED_PROXIES: networks.optional(),
  COLLOQUY_AGENT_PRIVATE: yesOrNo.default("no"),
  COLLOQUY_AGENT_KEY: key32.optional(),
  COLLOQUY_MEMBER_ROLES: speakers.optional(),
  COLLOQUY_PURGE_AFTER: days.prefault("never"),
  COLLOQUY_UNARY: onOrOff.default("on"),
  COLLOQUY_STREAMS: onOrOff.default("on"),
  COLLOQUY_DRAIN_DELAY: seconds(0, 600).optional(),
  COLLOQUY_HEARTBEAT: seconds(1, 600).prefault("15"),
  COLLOQUY_HINTS: hints.prefault("postgres"),
};

/** Lists, which may be empty. Any other empty variable counts as unset. */
const MAY_BE_EMPTY = new Set([
  "COLLOQUY_COMPAT",
  "COLLOQUY_TRUST",
  "COLLOQUY_CORS",
  "COLLOQUY_HOSTS",
  "COLLOQUY_TRUSTED_PROXIES",
]);

type Settings = z.output<z.ZodObject<typeof VARIABLES>>;

/** @throws ConfigError with every invalid variable */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems = unknownVariables(environment);
  const settings: Record<string, unknown> = {};
  for (const [name, grammar] of Object.entries(VARIABLES)) {
    const value = environment[name];
    const parsed = grammar.safeParse(value === "" && !MAY_BE_EMPTY.has(name) ? undefined : value);
    if (parsed.success) settings[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => describe(name, issue)));
  }
  // Treated as unset, the embedded database would start instead of the intended one.
  if (environment.DATABASE_URL === "" && settings.COLLOQUY_PROFILE === "production") {
    problems.push(
      "DATABASE_URL: must not be empty in production: set the URL of a PostgreSQL, or unset it for the embedded one",
    );
  }
  problems.push(...contradictions(settings as Partial<Settings>));
  if (problems.length > 0) throw new ConfigError(problems);
  return assemble(settings as Settings);
}

function unknownVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.keys(VARIABLES);
  return Object.keys(environment)
    .filter((name) => name.startsWith("COLLOQUY_") && !known.includes(name))
    .map((name) => `${name}: is not a setting; the settings are ${known.join(", ")}`);
}

/** `COLLOQUY_ISSUERS[0].audience: must be set` */
function describe(name: string, { path, message }: z.core.$ZodIssue): string {
  const within = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return `${name}${within}: ${/received undefined$/.test(message) ? "must be set" : message}`;
}

/** Settings that are valid by themselves but not together. */
function contradictions(settings: Partial<Settings>): string[] {
  const { HOST, TLS_CERT, TLS_KEY, COLLOQUY_PROFILE, COLLOQUY_TRUST, COLLOQUY_TRUST_PUBLIC } = settings;
  const problems: string[] = [];
  if ((TLS_CERT === undefined) !== (TLS_KEY === undefined)) {
    problems.push(
      `${TLS_CERT === undefined ? "TLS_CERT" : "TLS_KEY"}: must be set: TLS_CERT and TLS_KEY belong together`,
    );
  }
  if (COLLOQUY_PROFILE === "production" && (COLLOQUY_TRUST ?? []).length > 0) {
    problems.push(
      "COLLOQUY_TRUST: must be empty in production: only the development profile trusts user ids without a credential",
    );
  }
  const open = HOST !== undefined && !isLoopback(HOST) && COLLOQUY_TRUST_PUBLIC === "no";
  if (COLLOQUY_PROFILE === "development" && open) {
    problems.push(
      `HOST: must be a loopback address in development, and other machines can reach ${HOST}: ` +
        "set COLLOQUY_PROFILE=production, or COLLOQUY_TRUST_PUBLIC=yes to trust all callers",
    );
  }
  return problems;
}

function assemble(settings: Settings): Config {
  const development = settings.COLLOQUY_PROFILE === "development";
  const { TLS_CERT, TLS_KEY } = settings;
  return deepFreeze({
    profile: settings.COLLOQUY_PROFILE,
    host: settings.HOST,
    port: settings.PORT,
    tls: TLS_CERT && TLS_KEY ? { certificateFile: TLS_CERT, keyFile: TLS_KEY } : undefined,
    databaseUrl: settings.DATABASE_URL,
    databaseSchema: settings.COLLOQUY_DATABASE_SCHEMA,
    poolSize: settings.COLLOQUY_POOL_SIZE,
    workers: settings.COLLOQUY_WORKERS,
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
    agents: { allowPrivate: settings.COLLOQUY_AGENT_PRIVATE === "yes", key: settings.COLLOQUY_AGENT_KEY },
    heartbeatMs: settings.COLLOQUY_HEARTBEAT * 1_000,
    hints: settings.COLLOQUY_HINTS,
    purgeAfterDays: settings.COLLOQUY_PURGE_AFTER,
    // In production a load balancer must notice; in development nobody wants to wait.
    drainDelayMs: (settings.COLLOQUY_DRAIN_DELAY ?? (development ? 0 : 5)) * 1_000,
    logLevel: settings.LOG_LEVEL,
    unaryLane: settings.COLLOQUY_UNARY === "on",
    streamLane: settings.COLLOQUY_STREAMS === "on",
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
