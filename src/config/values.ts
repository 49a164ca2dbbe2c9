// The grammars of values that any setting may have: each validates a text and parses it.
import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";

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

export const onOrOff = z.enum(["on", "off"], { error: "must be on or off" });

export const yesOrNo = z.enum(["yes", "no"], { error: "must be yes or no" });

/** A key of 32 bytes, as `openssl rand -base64 32` prints one. */
export const key32 = z
  .string()
  .refine((text) => Buffer.from(text, "base64").length === 32, { error: "must be 32 bytes in base64" });

/** Transport of hints between servers. */
export type HintsSetting = "local" | "postgres" | "off" | { readonly nats: string };

/** Files that a NATS URL may name: certificates, a key, and credentials as `nsc` writes them. */
const NATS_FILES = ["ca", "cert", "key", "creds"];

export const hints = z.string().transform((text, context): HintsSetting => {
  if (text === "local" || text === "postgres" || text === "off") return text;
  const url = /^(nats|tls):\/\//.test(text) ? URL.parse(text) : null;
  if (url === null) {
    context.addIssue("must be postgres, local, off, nats://host:port or tls://host:port");
    return z.NEVER;
  }
  if (!host.safeParse(url.hostname.replace(/^\[(.*)\]$/, "$1")).success || !["", "/"].includes(url.pathname)) {
    context.addIssue("must be one URL with a host alone: a NATS server tells of the others of its cluster");
  }
  for (const [name, file] of url.searchParams) {
    if (!NATS_FILES.includes(name)) {
      context.addIssue(`"${name}" must be one of ${NATS_FILES.join(", ")}, the parameters of a NATS server`);
    } else if (!readableFile.safeParse(file).success) {
      context.addIssue(`${name} must name a file that can be read`);
    }
  }
  if (url.searchParams.has("cert") !== url.searchParams.has("key")) {
    context.addIssue("cert and key belong together");
  }
  return { nats: text };
});

/** A folder that may have to be made. Below /proc nothing can be, and Node tries without end. */
export const directory = z
  .string()
  .refine((path) => !`${resolve(path)}/`.startsWith("/proc/"), "must not be below /proc, where no folder can be made");

/**
 * The rule of a URL that has no user and no password: they would be neither sent, as fetch refuses them, nor hidden where
 * settings are printed.
 */
export const WITHOUT_LOGIN = [
  (text: string): boolean => {
    const url = URL.parse(text);
    return url === null || (url.username === "" && url.password === "");
  },
  "must have no user and no password",
] as const;
