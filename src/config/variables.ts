// The variables of the environment: their grammars, defaults and contradictions.
import { z } from "zod";
import { isLoopback } from "../domain/network/loopback.ts";
import { issuers, networks, rateLimits, speakers, streamLimits } from "./access-values.ts";
import { consoleIssuers } from "./console-values.ts";
import { databaseUrl, poolSize, replicaUrls, schemaName } from "./database-values.ts";
import { mounts, trusting } from "./dialect-values.ts";
import { byteSize, byteSizeOrUnlimited, byteSizeOrZero, filesPlace } from "./file-values.ts";
import { type TracingSettings, tracingSettings } from "./otel-values.ts";
import { type Gathered, gather } from "./sources.ts";
import {
  days,
  directory,
  hints,
  host,
  hostName,
  key32,
  list,
  onOrOff,
  origin,
  port,
  readableFile,
  seconds,
  workers,
  yesOrNo,
} from "./values.ts";

export const PROFILES = ["development", "production"] as const;
export const POOLING = ["session", "transaction"] as const;
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Problems of the environment: a line for each variable, without values that may be secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

const VARIABLES = {
  HOST: host.default("127.0.0.1"),
  PORT: port.default(8080),
  TLS_CERT: readableFile.optional(),
  TLS_KEY: readableFile.optional(),
  DATABASE_URL: databaseUrl.optional(),
  COLLOQUY_DATABASE_DIRECT_URL: databaseUrl.optional(),
  COLLOQUY_REPLICA_URLS: replicaUrls.optional(),
  COLLOQUY_POOLING: z.enum(POOLING, { error: `must be one of ${POOLING.join(", ")}` }).default("session"),
  COLLOQUY_DATABASE_SCHEMA: schemaName.default("public"),
  COLLOQUY_POOL_SIZE: poolSize.optional(),
  COLLOQUY_WORKERS: workers.prefault("1"),
  COLLOQUY_CACHE_SIZE: byteSizeOrZero.prefault("64MiB"),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(", ")}` }).default("info"),
  COLLOQUY_DATA_DIR: directory.default(".colloquy"),
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
  COLLOQUY_AGENT_KEY_OLD: key32.optional(),
  COLLOQUY_WEBHOOK_PRIVATE: yesOrNo.default("no"),
  COLLOQUY_MEMBER_ROLES: speakers.optional(),
  COLLOQUY_PURGE_AFTER: days.prefault("never"),
  COLLOQUY_UNARY: onOrOff.default("on"),
  COLLOQUY_STREAMS: onOrOff.default("on"),
  COLLOQUY_DRAIN_DELAY: seconds(0, 600).optional(),
  COLLOQUY_HEARTBEAT: seconds(1, 600).prefault("15"),
  COLLOQUY_HINTS: hints.prefault("postgres"),
  COLLOQUY_CONSOLE: onOrOff.default("on"),
  COLLOQUY_CONSOLE_OIDC: consoleIssuers.prefault("[]"),
  COLLOQUY_FILES: filesPlace.prefault("disk"),
  COLLOQUY_FILE_MAX: byteSize.prefault("100MiB"),
  COLLOQUY_FILE_QUOTA: byteSizeOrUnlimited.prefault("10GiB"),
};

/** Lists, which may be empty. Any other empty variable counts as unset. */
const MAY_BE_EMPTY = new Set([
  "COLLOQUY_REPLICA_URLS",
  "COLLOQUY_COMPAT",
  "COLLOQUY_TRUST",
  "COLLOQUY_CORS",
  "COLLOQUY_HOSTS",
  "COLLOQUY_TRUSTED_PROXIES",
]);

export type Settings = z.output<z.ZodObject<typeof VARIABLES>>;

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(VARIABLES);

/** Settings that may hold a password or a key. */
export const SECRETS: ReadonlySet<string> = new Set([
  "DATABASE_URL",
  "COLLOQUY_DATABASE_DIRECT_URL",
  "COLLOQUY_REPLICA_URLS",
  "COLLOQUY_AGENT_KEY",
  "COLLOQUY_AGENT_KEY_OLD",
  "COLLOQUY_HINTS",
]);

export interface ReadSettings {
  readonly settings: Settings;
  /** The texts that were given, and where. */
  readonly given: Gathered["values"];
  /** Undefined: calls are not traced. */
  readonly tracing: TracingSettings | undefined;
}

/** @throws ConfigError with every invalid variable */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): ReadSettings {
  const { values, problems: found } = gather(environment, SETTINGS, MAY_BE_EMPTY);
  const problems = [...found];
  const settings: Record<string, unknown> = {};
  for (const [name, grammar] of Object.entries(VARIABLES)) {
    const given = values.get(name);
    const text = given?.text;
    const where = given?.source === "settings file" ? `${environment.COLLOQUY_CONFIG}: ` : "";
    if (text !== undefined && text !== "" && text.trim() === "") {
      problems.push(`${where}${name}: must not be white space alone`);
      continue;
    }
    const parsed = grammar.safeParse(text);
    if (parsed.success) settings[name] = parsed.data;
    else problems.push(...parsed.error.issues.map((issue) => where + describe(name, issue)));
  }
  // Treated as unset, the embedded database would start instead of the intended one.
  const empty = environment.DATABASE_URL === "" && !values.has("DATABASE_URL");
  if (empty && settings.COLLOQUY_PROFILE === "production") {
    problems.push(
      "DATABASE_URL: must not be empty in production: set the URL of a PostgreSQL, or unset it for the embedded one",
    );
  }
  problems.push(...contradictions(settings as Partial<Settings>, values));
  const tracing = tracingSettings(environment, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return { settings: settings as Settings, given: values, tracing };
}

/** The grammar of a setting's text. */
export function grammarOf(name: string): z.ZodType {
  return VARIABLES[name as keyof typeof VARIABLES];
}

/** The text that a variable has by default; undefined: none, or one that depends on other settings. */
export function defaultOf(name: string): string | undefined {
  const { def } = grammarOf(name) as { readonly def: { readonly defaultValue?: unknown } };
  return def.defaultValue === undefined ? undefined : String(def.defaultValue);
}

/** `COLLOQUY_ISSUERS[0].audience: must be set` */
function describe(name: string, { path, message }: z.core.$ZodIssue): string {
  const within = path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("");
  return `${name}${within}: ${/received undefined$/.test(message) ? "must be set" : message}`;
}

/** Settings that are valid by themselves but not together. */
function contradictions(settings: Partial<Settings>, given: Gathered["values"]): string[] {
  const { HOST, COLLOQUY_PROFILE, COLLOQUY_TRUST, COLLOQUY_TRUST_PUBLIC } = settings;
  const problems: string[] = [];
  if (settings.DATABASE_URL === undefined) {
    const pooled = settings.COLLOQUY_POOLING === "transaction" ? "COLLOQUY_POOLING" : undefined;
    const name = settings.COLLOQUY_DATABASE_DIRECT_URL === undefined ? pooled : "COLLOQUY_DATABASE_DIRECT_URL";
    if (name !== undefined)
      problems.push(`${name}: must not be set without DATABASE_URL: no pooler is in front of the embedded database`);
    if ((settings.COLLOQUY_REPLICA_URLS ?? []).length > 0)
      problems.push(
        "COLLOQUY_REPLICA_URLS: must not be set without DATABASE_URL: the embedded database has no replicas",
      );
  }
  if (given.has("TLS_CERT") !== given.has("TLS_KEY")) {
    problems.push(
      `${given.has("TLS_KEY") ? "TLS_CERT" : "TLS_KEY"}: must be set: TLS_CERT and TLS_KEY belong together`,
    );
  }
  problems.push(...unknownIssuers(settings));
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

/** Their tokens would be refused. */
function unknownIssuers({ COLLOQUY_CONSOLE_OIDC: ours = [], COLLOQUY_ISSUERS: accepted = [] }: Partial<Settings>) {
  const known = new Set(accepted.map(({ issuer }) => issuer));
  return ours.flatMap(({ issuer }, index) =>
    known.has(issuer) ? [] : [`COLLOQUY_CONSOLE_OIDC[${index}].issuer: must be one of COLLOQUY_ISSUERS`],
  );
}
