// The issuers that an operator names, with the keys that their settings point to.
import type { Role } from "../../domain/principal.ts";
import { SettingError } from "../../domain/setting-error.ts";
import type { Clock } from "../bounded-cache.ts";
import { fetchKeys, readKeyFile } from "./key-files.ts";
import { keySource } from "./key-source.ts";
import type { Issuer } from "./tokens.ts";

/** An issuer as it is configured. */
export interface IssuerSettings {
  /** The `iss` claim, but for a slash at its end. */
  readonly issuer: string;
  /** One of these must be in the `aud` claim. */
  readonly audience: readonly string[];
  /** Where its keys are: exactly one of the two. */
  readonly jwksUrl: string | undefined;
  readonly keyFile: string | undefined;
  /** The signature algorithms that are accepted, such as `ES256`. */
  readonly algorithms: readonly string[];
  /** The names of the claims that hold the audience (default `aud`), the member, the tenant and the role. */
  readonly claims: { readonly aud?: string; readonly sub: string; readonly tenant: string; readonly role: string };
  /** What its words for roles mean here. Default: our own names. */
  readonly roles?: Readonly<Record<string, Role>> | undefined;
  /** The tenants that it may speak for. Default: any. */
  readonly tenants?: readonly string[] | undefined;
}

/**
 * Makes issuers ready. Key files are read now, so that a wrong one stops the start; key URLs on first use, so that an
 * issuer that is down does not.
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
