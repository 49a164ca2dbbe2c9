// Reads the issuers that an operator names in COLLOQUY_ISSUERS.
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ROLES } from "../domain/principal.ts";
import type { Clock } from "./bounded-cache.ts";
import { fetchKeys, readKeyFile } from "./key-files.ts";
import { keySource } from "./key-source.ts";
import { LOCAL_ISSUER } from "./local-issuer.ts";
import { ALGORITHMS, type Issuer } from "./tokens.ts";

const name = z.string().min(1).max(500);

const issuerConfig = z
  .strictObject({
    /** The exact `iss` of its tokens. */
    issuer: name.refine((text) => text !== LOCAL_ISSUER, "this name is the local issuer's"),
    audience: z.union([name.transform((one) => [one]), z.array(name).min(1)]),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1),
    jwks_url: z.url().refine(isSafeUrl, "want https (http only on loopback)").optional(),
    key_file: z.string().min(1).optional(),
    claims: z.strictObject({ sub: name.optional(), tenant: name.optional(), role: name.optional() }).optional(),
    roles: z.record(z.string(), z.enum(ROLES)).optional(),
    tenants: z.array(name).min(1).optional(),
  })
  .refine(({ jwks_url, key_file }) => (jwks_url === undefined) !== (key_file === undefined), {
    message: "want either jwks_url or key_file",
  });

/**
 * Reads issuers from JSON: a list as the variable holds it, or the path of a file with the list. Key files are read now, so
 * that a wrong one stops the start; key URLs on first use, so that an issuer that is down does not. Throws an Error that
 * names the place.
 */
export async function readIssuers(setting: string, now: Clock = Date.now): Promise<readonly Issuer[]> {
  const text = setting.trim();
  if (text === "") return [];
  const json = text.startsWith("[") ? text : await readFile(text, "utf8");
  const parsed = z.array(issuerConfig).safeParse(parseJson(json));
  if (!parsed.success) throw new Error(`COLLOQUY_ISSUERS: ${z.prettifyError(parsed.error)}`);
  return Promise.all(
    parsed.data.map(async ({ jwks_url, key_file = "", ...rest }) => {
      const load = jwks_url === undefined ? () => readKeyFile(key_file) : () => fetchKeys(jwks_url);
      if (jwks_url === undefined) await load();
      return { ...rest, keys: keySource({ load, now }) };
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error("COLLOQUY_ISSUERS: not JSON, and no file with JSON", { cause });
  }
}

function isSafeUrl(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname));
}
