// Grammars of the access settings: issuers, networks, roles and limits.
import { z } from "zod";
import { type Network, parseNetwork } from "../access/client-address/client-address.ts";
import { parseStreamLimits } from "../access/limits/open-streams.ts";
import { parsePolicies } from "../access/limits/rate-limits.ts";
import { ALGORITHMS } from "../access/tokens/algorithms.ts";
import { LOCAL_ISSUER } from "../access/tokens/issuer.ts";
import type { IssuerSettings } from "../access/tokens/issuers.ts";
import { ROLES } from "../domain/identity/principal.ts";
import { isLoopback } from "../domain/network/loopback.ts";
import { list, readableFile, WITHOUT_LOGIN } from "./values.ts";

/** Roles that members may give to messages. Without `user` they could write nothing. */
export const speakers = list
  .pipe(
    z.array(
      z.enum(["user", "assistant", "system", "tool", "developer"], {
        error: ({ input }) => `"${String(input)}" must be one of user, assistant, system, tool and developer`,
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
      .refine(...WITHOUT_LOGIN)
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
