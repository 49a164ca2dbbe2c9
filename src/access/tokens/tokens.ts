// Verifies JSON Web Tokens of all issuers with jose, and caches them until they expire.
import { hash } from "node:crypto";
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { accessRefused, ErrorReason } from "../../domain/errors.ts";
import type { ClientLimits } from "../../domain/identity/principal.ts";
import { BoundedCache, type Clock } from "../bounded-cache.ts";
import { claimAt, readClaims, refuse, refuseGenuine, type TokenSubject } from "./claims.ts";
import { type Issuer, issuersByName } from "./issuer.ts";
import { type KeySource, KeysUnavailable } from "./key-source.ts";

/** Tolerated clock difference in seconds. */
export const CLOCK_SKEW_S = 30;

/** The claim `use` of a ticket. */
export const TICKET_USE = "events";

/** The claim `use` of a client token. */
export const CLIENT_USE = "client";

/** Longer tokens are refused before parsing. */
const MAX_LENGTH = 16 * 1024;

/** A verified token. */
export interface VerifiedToken extends TokenSubject {
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** The tenants, by UUID or slug, that its issuer may issue tokens for; undefined: any. */
  readonly tenants: readonly string[] | undefined;
  /** The API key that it stands for, and its scopes; only in local tokens. */
  readonly key: { readonly keyId: string; readonly scopes: readonly string[] } | undefined;
  /** Whether it is a ticket, which is valid for event streams only; only in local tokens. */
  readonly ticket: boolean;
  /** The member that its API key acts for; only in tickets and client tokens. */
  readonly actFor: string | undefined;
  /** Set on a client token, and on a ticket for one. */
  readonly client: ClientLimits | undefined;
}

export interface TokensOptions {
  readonly issuers: readonly Issuer[];
  readonly now?: Clock;
  /** Number of cached tokens. Default 10,000. */
  readonly max?: number;
}

/** Verifies tokens, and caches valid ones until they expire. */
export class Tokens {
  readonly #options: TokensOptions;
  readonly #now: Clock;
  #issuers!: ReadonlyMap<string, Issuer>;
  #verified!: BoundedCache<VerifiedToken>;

  /** Throws as {@link Tokens.replaceIssuers} does. */
  constructor(options: TokensOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.replaceIssuers(options.issuers);
  }

  /**
   * Accepts the tokens of these issuers only; what was verified before is verified again. Throws, and changes nothing,
   * as {@link issuersByName} does.
   */
  replaceIssuers(issuers: readonly Issuer[]): void {
    this.#issuers = issuersByName(issuers);
    this.#verified = new BoundedCache(this.#options.max ?? 10_000, this.#now);
  }

  /**
   * The cached token, if it has not expired. Only its hash is stored, so that a memory dump has no credentials.
   */
  remembered(token: string): VerifiedToken | undefined {
    return this.#verified.get(fingerprint(token));
  }

  /**
   * Verifies a token. Throws CREDENTIAL_INVALID with a reason that does not quote the token, or ISSUER_UNAVAILABLE if
   * its issuer's keys could never be read.
   */
  async verify(token: string): Promise<VerifiedToken> {
    const issuer = this.#issuerOf(token);
    const payload = await this.#check(token, issuer);
    if (!isFor(payload, issuer)) throw refuseGenuine("it is for another audience");
    const subject = readClaims(payload, issuer);
    const expiresAt = (payload.exp ?? 0) * 1000;
    if (issuer.tenants !== undefined && subject.role === "super_admin") {
      throw refuseGenuine("its issuer may not make super administrators");
    }
    const key = issuer.local ? readKey(payload) : undefined;
    const use = issuer.local ? readUse(payload) : UNBOUND;
    const verified = { ...subject, issuer: issuer.issuer, expiresAt, tenants: issuer.tenants, key, ...use };
    this.#verified.set(fingerprint(token), verified, expiresAt + CLOCK_SKEW_S * 1000);
    return verified;
  }

  #issuerOf(token: string): Issuer {
    if (token.length > MAX_LENGTH) throw refuse("it is too long");
    let named: unknown;
    try {
      named = decodeJwt(token).iss;
    } catch (error) {
      throw refuse("it is not a signed JSON Web Token", error);
    }
    const issuer = typeof named === "string" ? this.#issuerNamed(named) : undefined;
    if (issuer === undefined) throw refuse("its issuer is not one of those accepted here");
    return issuer;
  }

  /** A trailing slash is ignored, because providers and configurations often differ in it. */
  #issuerNamed(name: string): Issuer | undefined {
    return this.#issuers.get(name) ?? this.#issuers.get(/[^/]\/$/.test(name) ? name.slice(0, -1) : `${name}/`);
  }

  async #check(token: string, { algorithms, keys }: Issuer): Promise<JWTPayload> {
    try {
      const options = {
        algorithms: [...algorithms],
        requiredClaims: ["exp"],
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(this.#now()),
      };
      return await verifyByAny(token, keys, options);
    } catch (error) {
      if (error instanceof KeysUnavailable) {
        const message = "the keys of the token's issuer cannot be read at the moment";
        throw accessRefused(ErrorReason.ISSUER_UNAVAILABLE, message, { retryAfterMs: 5_000, cause: error });
      }
      throw (isGenuine(error) ? refuseGenuine : refuse)(whyRefused(error), error);
    }
  }
}

type VerifyOptions = NonNullable<Parameters<typeof jwtVerify>[2]>;

/** Maximum number of keys tried for a token without a unique key. */
const MAX_TRIED = 8;

/** Verifies with the key that the token names, or with each candidate; and again if the issuer has new keys. */
async function verifyByAny(token: string, keys: KeySource, options: VerifyOptions): Promise<JWTPayload> {
  const attempt = () =>
    jwtVerify(token, keys, options).then(
      ({ payload }) => payload,
      (error: unknown) => {
        if (error instanceof errors.JWKSMultipleMatchingKeys) return verifyByEach(token, error, options);
        throw error;
      },
    );
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof errors.JWSSignatureVerificationFailed) || !(await keys.renew?.())) throw error;
    return attempt();
  }
}

async function verifyByEach(
  token: string,
  keys: errors.JWKSMultipleMatchingKeys,
  options: VerifyOptions,
): Promise<JWTPayload> {
  let tried = 0;
  for await (const key of keys) {
    if (++tried > MAX_TRIED) break;
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (isGenuine(error)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

/** jose checks claims only after the signature. */
function isGenuine(error: unknown): boolean {
  return error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
}

/** RFC 7519 §4.1.3: the audience is a string or a list. */
function isFor(payload: JWTPayload, { audience, claims }: Issuer): boolean {
  const named = claimAt(payload, claims?.aud ?? "aud");
  return (Array.isArray(named) ? named : [named]).some((one) => audience.includes(one));
}

function fingerprint(token: string): string {
  return hash("sha256", token, "base64url");
}

function whyRefused(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    switch (error.claim) {
      case "nbf":
        return "it is not valid yet";
      case "exp":
        return "it has no expiry";
      default:
        return "one of its claims is not as required";
    }
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "its algorithm is not one that its issuer uses";
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return "its key is not one of its issuer's";
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature does not match";
  return "it is not a signed JSON Web Token";
}

function readKey(payload: JWTPayload): VerifiedToken["key"] {
  const { api_key: keyId, scope } = payload;
  if (typeof keyId !== "string") return undefined;
  return { keyId, scopes: typeof scope === "string" ? scope.split(" ") : [] };
}

type Use = Pick<VerifiedToken, "ticket" | "actFor" | "client">;

const UNBOUND: Use = { ticket: false, actFor: undefined, client: undefined };

function readUse({ use, act_for: actFor, client, conversation }: JWTPayload): Use {
  if (use !== TICKET_USE && use !== CLIENT_USE) return UNBOUND;
  const isClient = use === CLIENT_USE || client === "true";
  const limits = typeof conversation === "string" ? { conversationId: conversation } : {};
  return {
    ticket: use === TICKET_USE,
    actFor: typeof actFor === "string" ? actFor : undefined,
    client: isClient ? limits : undefined,
  };
}
