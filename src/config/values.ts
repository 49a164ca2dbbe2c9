// The grammars of the environment's variables: each validates a text and parses it.
import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { z } from "zod";
import { type Network, parseNetwork } from "../access/client-address/client-address.ts";
import { parseStreamLimits } from "../access/limits/open-streams.ts";
import { parsePolicies } from "../access/limits/rate-limits.ts";
import { ALGORITHMS } from "../access/tokens/algorithms.ts";
import type { IssuerSettings } from "../access/tokens/issuers.ts";
import { LOCAL_ISSUER } from "../access/tokens/local-issuer.ts";
import { isLoopback } from "../domain/loopback.ts";
import { ROLES } from "../domain/principal.ts";

export const DIALECTS = ["callcenter", "crm", "assistant", "workorder", "helpdesk"] as const;
export type Dialect = (typeof DIALECTS)[number];

/** The dialects documented without credentials, which can trust the user id in a request. */
export const TRUSTING_DIALECTS = ["assistant", "helpdesk"] as const;
export type TrustingDialect = (typeof TRUSTING_DIALECTS)[number];

/** One dialect and where it is served. */
export interface Mount {
  readonly dialect: Dialect;
  /** A port of its own; undefined: the server's port. */
  readonly port: number | undefined;
  /** A path before the dialect's own, such as `/legacy`; may be empty. */
  readonly prefix: string;
}

/** `name[@port][/prefix]` */
const MOUNT = /^(?<name>[a-z]+)(?:@(?<port>\d{1,5}))?(?<prefix>(?:\/[\w.~-]+)*)$/;

export const port = z
  .string()
  .regex(/^\d{1,5}$/, "must be a port from 0 to 65535")
  .transform(Number)
  .refine((value) => value <= 65_535, "must be a port from 0 to 65535");

export const host = z
  .string()
  .refine(
    (value) => isIP(value) !== 0 || /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(value),
    "must be an IP address or a host name",
  );

/** A host name or an IP address without a port, in lower case; `*` for any. */
export const hostName = z.union([z.literal("*"), host.transform((value) => value.toLowerCase())], {
  error: ({ input }) => `"${input}" must be a host name or IP address without a port, or *`,
});

/** `a, b` → `["a", "b"]`; an empty text, or `none`, is an empty list. */
export const list = z.string().transform((value) =>
  value.trim() === "none"
    ? []
    : value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
);

/** A number of days; undefined for `never`. */
export const days = z.string().transform((value, context) => {
  if (value === "never") return undefined;
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  context.addIssue("must be a number of days from 1 to 99999, or never");
  return z.NEVER;
});

/** A number of seconds. */
export function seconds(min: number, max: number) {
  const rule = `must be a number of seconds from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,5}$/, rule)
    .transform(Number)
    .refine((value) => value >= min && value <= max, rule);
}

/** A number of processes; `auto`: one for each core. */
export const workers = z.string().transform((value, context) => {
  if (value === "auto") return availableParallelism();
  if (/^[1-9]\d?$/.test(value)) return Number(value);
  context.addIssue("must be a number from 1 to 99, or auto");
  return z.NEVER;
});

/** Connections to the database. */
export const poolSize = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, "must be a number from 1 to 9999")
  .transform(Number);

/** A schema of the database. */
export const schemaName = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a name of lower-case letters, digits and _");

export const readableFile = z.string().refine((path) => {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}, "must name a file that can be read");

export const origin = z.string().refine((value) => URL.parse(value)?.origin === value && /^https?:/.test(value), {
  error: ({ input }) => `"${input}" must be an origin such as https://app.example.com`,
});

export const mounts = list.transform((items, context) => {
  const seen = new Set<string>();
  return items.map((item): Mount => {
    const { name, port: mountPort, prefix } = MOUNT.exec(item)?.groups ?? {};
    const known = (DIALECTS as readonly (string | undefined)[]).includes(name);
    const portNumber = mountPort === undefined ? undefined : Number(mountPort);
    if (!known || (portNumber !== undefined && (portNumber < 1 || portNumber > 65_535))) {
      context.addIssue(`"${item}" must be name[@port][/prefix], where name is one of ${DIALECTS.join(", ")}`);
    } else if (seen.has(item)) {
      context.addIssue(`"${item}" must not be repeated`);
    }
    seen.add(item);
    return { dialect: name as Dialect, port: portNumber, prefix: prefix ?? "" };
  });
});

export const trusting = list.pipe(
  z.array(
    z.enum(TRUSTING_DIALECTS, {
      error: ({ input }) => `"${String(input)}" must be one of ${TRUSTING_DIALECTS.join(" and ")}`,
    }),
  ),
);

/** Roles that members may give to messages. Without `user` they could write nothing. */
export const speakers = list
  .pipe(
    z.array(
      z.enum(["user", "assistant", "system", "tool"], {
        error: ({ input }) => `"${String(input)}" must be one of user, assistant, system and tool`,
      }),
    ),
  )
  .refine((roles) => roles.includes("user"), "must include user");

const issuer = z
  .strictObject({
    issuer: z
      .string()
      .min(1)
      .refine((name) => name !== LOCAL_ISSUER, "must not be the name of the local issuer"),
    audience: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
        error: ({ input }) => (input === undefined ? "must be set" : "must be a string or a list of strings"),
      })
      .transform((names) => [names].flat()),
    jwks_url: z
      .url({ protocol: /^https?$/ })
      .refine((url) => url.startsWith("https:") || isLoopback(URL.parse(url)?.hostname ?? ""), "must be https")
      .optional(),
    key_file: readableFile.optional(),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1),
    claims: z
      .strictObject({
        aud: z.string().min(1).default("aud"),
        sub: z.string().min(1).default("sub"),
        tenant: z.string().min(1).default("tenant"),
        role: z.string().min(1).default("role"),
      })
      .prefault({}),
    roles: z.record(z.string(), z.enum(ROLES)).optional(),
    tenants: z.array(z.string().min(1)).min(1).optional(),
  })
  .refine(({ jwks_url, key_file }) => (jwks_url === undefined) !== (key_file === undefined), {
    error: "must have exactly one of jwks_url and key_file",
  })
  .transform(({ jwks_url, key_file, ...rest }): IssuerSettings => ({ ...rest, jwksUrl: jwks_url, keyFile: key_file }));

export const issuers = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue("must be JSON: an array of issuers");
      return z.NEVER;
    }
  })
  .pipe(
    z
      .array(issuer, { error: "must be an array of issuers" })
      .refine((all) => new Set(all.map((one) => one.issuer)).size === all.length, "must not name an issuer twice"),
  );

/** Networks and addresses. */
export const networks = list.transform((items, context) =>
  items.map((item): Network => {
    const network = parseNetwork(item);
    if (network === undefined) {
      context.addIssue(`"${item}" must be an IPv4 or IPv6 address, or a network such as 10.0.0.0/8 or fd00::/8`);
    }
    return network ?? { address: item, bits: 0 };
  }),
);

export const streamLimits = z.string().transform((text, context) => {
  try {
    return parseStreamLimits(text);
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});

export const rateLimits = z.string().transform((text, context) => {
  try {
    return parsePolicies(text);
  } catch (error) {
    context.addIssue((error as Error).message);
    return z.NEVER;
  }
});

const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/**
 * `sslmode` means what it means to libpq: `require` encrypts, and verifies only with an `sslrootcert`. A Unix socket is
 * never encrypted.
 */
export const databaseUrl = z.string().transform((value, context) => {
  // A Unix socket's URL has no host, which the URL class refuses next to a user.
  const url = URL.parse(value.replace("@/", "@localhost/"));
  const refuse = (rule: string) => {
    context.addIssue(rule);
    return z.NEVER;
  };
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    return refuse("must be a URL such as postgresql://user:password@host:5432/database");
  }
  const mode = url.searchParams.get("sslmode");
  if (mode === null) return value;
  if (!SSL_MODES.includes(mode)) return refuse(`sslmode must be one of ${SSL_MODES.join(", ")}`);
  for (const name of ["sslrootcert", "sslcert", "sslkey"]) {
    const file = url.searchParams.get(name);
    if (file !== null && !readableFile.safeParse(file).success)
      return refuse(`${name} must name a file that can be read`);
  }
  if (mode === "verify-ca" && !url.searchParams.has("sslrootcert")) {
    return refuse("sslrootcert must name a file with the certificates to trust, for sslmode=verify-ca");
  }
  if (/^(\/|%2f)/i.test(url.searchParams.get("host") ?? url.hostname))
    return value.replace(/sslmode=[^&]*/, "sslmode=disable");
  return url.searchParams.has("uselibpqcompat") ? value : `${value}&uselibpqcompat=true`;
});

export const onOrOff = z.enum(["on", "off"], { error: "must be on or off" });

export const yesOrNo = z.enum(["yes", "no"], { error: "must be yes or no" });

/** A key of 32 bytes, as `openssl rand -base64 32` prints one. */
export const key32 = z
  .string()
  .refine((text) => Buffer.from(text, "base64").length === 32, { error: "must be 32 bytes in base64" });

/** Transport of hints between servers. */
export type HintsSetting = "local" | "postgres" | "off" | { readonly nats: string };

export const hints = z
  .string()
  .refine((text) => /^(local|postgres|off)$/.test(text) || (text.startsWith("nats://") && URL.canParse(text)), {
    error: "must be postgres, local, off or nats://host:port",
  })
  .transform(
    (text): HintsSetting => (text.startsWith("nats:") ? { nats: text } : (text as "local" | "postgres" | "off")),
  );
