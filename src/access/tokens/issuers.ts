// The configured issuers with their keys.
import type { Role } from "../../domain/identity/principal.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import type { Clock } from "../bounded-cache.ts";
import type { Issuer } from "./issuer.ts";
import { fetchKeys, readKeyFile } from "./key-files.ts";
import { keySource } from "./key-source.ts";

/** The settings of an issuer. */
export interface IssuerSettings {
  /** The `iss` claim, ignoring a trailing slash. */
  readonly issuer: string;
  /** The `aud` claim must contain one of these. */
  readonly audience: readonly string[];
  /** Where its keys are; exactly one of `jwksUrl` and `keyFile` is set. */
  readonly jwksUrl: string | undefined;
  readonly keyFile: string | undefined;
  /** The accepted signature algorithms, such as `ES256`. */
  readonly algorithms: readonly string[];
  /** The names of the claims with the audience (default `aud`), the member, the tenant and the role. */
  readonly claims: { readonly aud?: string; readonly sub: string; readonly tenant: string; readonly role: string };
  /** Maps its roles. Default: the names are equal. */
  readonly roles?: Readonly<Record<string, Role>> | undefined;
  /** The tenants it may issue tokens for. Default: any. */
  readonly tenants?: readonly string[] | undefined;
}

/**
 * Prepares issuers. Key files are read now, so that an invalid one stops the start; key URLs on first use, so that an
 * unavailable issuer does not.
 */
export function openIssuers(
  settings: readonly IssuerSettings[],
  now: Clock = () => performance.now(),
): Promise<readonly Issuer[]> {
  return Promise.all(
    settings.map(async ({ jwksUrl, keyFile = "", ...rest }) => {
      const load = jwksUrl === undefined ? () => readKeyFile(keyFile) : () => fetchKeys(jwksUrl);
      if (jwksUrl === undefined) await load().catch((cause: unknown) => refuseKeyFile(keyFile, cause));
      return { ...rest, keys: keySource({ load, now }) };
    }),
  );
}

function refuseKeyFile(path: string, cause: unknown): never {
  throw new SettingError(
    `COLLOQUY_ISSUERS: ${path} cannot be used as a key_file: it must hold public keys, as a JWK, a JWK set or in PEM`,
    { cause },
  );
}
