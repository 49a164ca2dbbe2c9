// Grammars of the database settings: URL, schema and pool size.
import { z } from "zod";
import { hostsOf } from "../domain/settings/database-hosts.ts";
import { list, readableFile } from "./values.ts";

/** Connections to the database. */
export const poolSize = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, "must be a number from 1 to 9999")
  .transform(Number);

/** A schema of the database. */
export const schemaName = z
  .string()
  .regex(/^[a-z_][a-z0-9_]{0,62}$/, "must be a name of lower-case letters, digits and _");

const SSL_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/**
 * `sslmode` means what it means to libpq: `require` encrypts, and verifies only with an `sslrootcert`. A Unix socket is
 * never encrypted.
 */
export const databaseUrl = z.string().transform((value, context) => {
  // A Unix socket's URL has no host, which the URL class refuses next to a user.
  const { urls, wanted } = hostsOf(value);
  const [url = null, ...others] = urls.map((one) => URL.parse(one.replace("@/", "@localhost/")));
  const refuse = (rule: string) => {
    context.addIssue(rule);
    return z.NEVER;
  };
  if (url === null || others.includes(null) || !/^postgres(ql)?:$/.test(url.protocol)) {
    return refuse("must be a URL such as postgresql://user:password@host:5432/database");
  }
  const attrs = /[?&]target_session_attrs=([^&]*)/.exec(value)?.[1];
  if (attrs !== undefined && attrs !== wanted) {
    return refuse("target_session_attrs must be read-write, primary or any: Colloquy writes to the database");
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

/** A URL for each replica, separated by commas. */
export const replicaUrls = list.pipe(
  z.array(
    z
      .string()
      .refine(
        (value) => hostsOf(value).wanted === undefined,
        "must name one replica, without target_session_attrs: each has a URL of its own",
      )
      .pipe(databaseUrl),
  ),
);
