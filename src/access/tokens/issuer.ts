// An issuer as tokens are verified with it.
import { ALGORITHMS } from "./algorithms.ts";
import type { ClaimRules } from "./claims.ts";
import type { KeySource } from "./key-source.ts";

/** The `iss` and `aud` of local tokens. The server does not know its public URL. */
export const LOCAL_ISSUER = "colloquy";

/** An issuer whose tokens are accepted. */
export interface Issuer extends ClaimRules {
  /** The `iss`, ignoring a trailing slash. */
  readonly issuer: string;
  /** One of these must be in `aud`, or in the claim configured instead. */
  readonly audience: readonly string[];
  /** The algorithms it signs with; from `ALGORITHMS`. */
  readonly algorithms: readonly string[];
  readonly keys: KeySource;
  /**
   * The tenants, by UUID or slug, that it may issue tokens for. Default: any. An issuer with a list cannot create super
   * administrators.
   */
  readonly tenants?: readonly string[] | undefined;
  /** True for the local issuer, whose tokens may stand for an API key. Default false. */
  readonly local?: boolean;
}

/** Throws if two issuers have the same name, or one has no audience or an algorithm that is not in `ALGORITHMS`. */
export function issuersByName(issuers: readonly Issuer[]): ReadonlyMap<string, Issuer> {
  const byName = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  if (byName.size < issuers.length) throw new Error("Two token issuers have the same name.");
  for (const { issuer, algorithms, audience } of issuers) {
    const foreign = algorithms.find((algorithm) => !ALGORITHMS.includes(algorithm));
    if (foreign !== undefined) throw new Error(`Issuer ${issuer}: algorithm ${foreign} is not accepted.`);
    if (algorithms.length === 0) throw new Error(`Issuer ${issuer}: name the algorithms that it signs with.`);
    if (audience.length === 0) throw new Error(`Issuer ${issuer}: name the audience of its tokens.`);
  }
  return byName;
}
