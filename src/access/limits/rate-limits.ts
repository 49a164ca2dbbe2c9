// Rate limits: how many calls a tenant and a caller may make, and how many bad credentials an address may send.
import { hash } from "node:crypto";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { type Count, type CountExchange, sharedWindows, type Windows } from "../../domain/fixed-window.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { networkOf } from "../../domain/network/network.ts";
import type { Clock } from "../bounded-cache.ts";

/** A number of points in a fixed window, which begins with the first one. */
export interface RatePolicy {
  /** Names the policy in `RateLimit-Policy`. Letters and digits. */
  readonly name: string;
  readonly points: number;
  readonly seconds: number;
}

/** A count after a point was taken or refused. */
export interface Taken {
  readonly policy: RatePolicy;
  readonly allowed: boolean;
  readonly remaining: number;
  /** Whole milliseconds, after which the window is over. */
  readonly resetMs: number;
}

/** Counts for one policy, in memory. */
export class Limiter {
  readonly policy: RatePolicy;
  readonly #windows: Windows;

  /**
   * `now`: a monotonic clock in milliseconds. `max`: the maximum number of keys; the oldest are dropped first.
   * `exchange`: with other servers. Default: none.
   */
  constructor(policy: RatePolicy, now: Clock = () => performance.now(), max?: number, exchange?: CountExchange) {
    this.policy = policy;
    const { name, points, seconds } = policy;
    const options = { points, lengthMs: seconds * 1000, now, ...(max !== undefined && { max }) };
    this.#windows = sharedWindows(name, options, exchange);
  }

  /** Whether there are no counts, so that a lookup can be skipped. */
  get isEmpty(): boolean {
    return this.#windows.size === 0;
  }

  /** Takes one point. */
  take(key: string): Taken {
    return this.#takenOf(this.#windows.take(key));
  }

  /** Like `take`, without taking a point. Undefined: none was taken in this window. */
  look(key: string): Taken | undefined {
    const count = this.#windows.look(key);
    return count && this.#takenOf(count);
  }

  #takenOf({ allowed, remaining, retryAfterMs }: Count): Taken {
    return { policy: this.policy, allowed, remaining, resetMs: Math.ceil(retryAfterMs) };
  }
}

/** The policies of all servers of a database together, as far as they hear of each other. Undefined: no limit. */
export interface RatePolicies {
  readonly tenant?: RatePolicy | undefined;
  readonly caller?: RatePolicy | undefined;
  /** Different bad credentials from one address, and uses of the same bad credential. */
  readonly failures?: RatePolicy | undefined;
}

/** Generous: they stop runaway loops, not growing products. */
export const DEFAULT_POLICIES: RatePolicies = {
  tenant: { name: "tenant", points: 600_000, seconds: 60 },
  caller: { name: "caller", points: 120_000, seconds: 60 },
  failures: { name: "failures", points: 100, seconds: 60 },
};

/**
 * Parses `caller=6000/60,tenant=60000/60,failures=100/60` (points and seconds), in any order; `caller=off` disables one
 * policy, `off` all. Missing policies keep their default; none may stand twice. Throws an Error that names the invalid part.
 */
export function parsePolicies(text: string): RatePolicies {
  if (text.trim() === "off") return {};
  const policies: Record<string, RatePolicy | undefined> = { ...DEFAULT_POLICIES };
  const seen = new Set<string>();
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "") continue;
    const [, name = "", off, points, seconds] =
      /^(tenant|caller|failures)=(?:(off)|(\d{1,9})\/(\d{1,5}))$/.exec(part) ?? [];
    if (name === "" || (off === undefined && (Number(points) < 1 || Number(seconds) < 1))) {
      throw new Error(
        `${JSON.stringify(part)} must be tenant, caller or failures, then "=", then off or calls/seconds`,
      );
    }
    if (seen.has(name)) throw new Error(`"${name}" must not be repeated`);
    seen.add(name);
    policies[name] = off ? undefined : { name, points: Number(points), seconds: Number(seconds) };
  }
  return policies;
}

/** Maximum number of counted addresses and of counted bad credentials: about 10 MB together. */
const MAX_ADDRESSES = 50_000;
const MAX_BAD_CREDENTIALS = 50_000;

/** The counters of a server, shared by all protocols. */
export class RateLimits {
  readonly #tenant: Limiter | undefined;
  readonly #caller: Limiter | undefined;
  readonly #failures: Limiter | undefined;
  readonly #repeats: Limiter | undefined;

  /** `exchange`: with other servers. Default: none. */
  constructor({ tenant, caller, failures }: RatePolicies = DEFAULT_POLICIES, exchange?: CountExchange) {
    this.#tenant = tenant && new Limiter(tenant, undefined, undefined, exchange);
    this.#caller = caller && new Limiter(caller, undefined, undefined, exchange);
    this.#failures = failures && new Limiter(failures, undefined, MAX_ADDRESSES, exchange);
    this.#repeats = failures && new Limiter(failures, undefined, MAX_BAD_CREDENTIALS);
  }

  /**
   * Counts a call, for the caller first: a call over the caller's limit does not use up its tenant's limit. `refusal`
   * turns the result into an error.
   */
  count(principal: Principal): readonly Taken[] {
    if (principal.kind === "anonymous") return [];
    const taken: Taken[] = [];
    const caller = this.#caller?.take(countedAs(principal));
    if (caller !== undefined) taken.push(caller);
    if (caller?.allowed === false || principal.tenantId === undefined) return taken;
    const tenant = this.#tenant?.take(principal.tenantId);
    if (tenant !== undefined) taken.push(tenant);
    return taken;
  }

  /**
   * Counts a bad credential: each for itself, and its first use in a window for its address too, so that a client that
   * repeats one does not affect others at that address. A genuine one counts only for itself. Returns the error to send
   * instead if the credential or its address is over the limit; for a genuine one always undefined, so that its sender
   * learns what is wrong.
   */
  countFailure(address: string, credential: string, genuine: boolean): DomainError | undefined {
    if (this.#failures === undefined || this.#repeats === undefined) return undefined;
    const network = networkOf(address);
    const key = repeatKey(network, credential);
    const isNew = this.#repeats.look(key) === undefined;
    const own = this.#repeats.take(key);
    if (genuine) return undefined;
    const all = isNew ? this.#failures.take(network) : this.#failures.look(network);
    return refusal(all === undefined ? [own] : [own, all]);
  }

  /** Whether the address or this credential has so many failures that further checks must be limited. */
  isSuspect(address: string, credential: string): boolean {
    if (this.#failures === undefined || this.#repeats === undefined || this.#repeats.isEmpty) return false;
    const network = networkOf(address);
    if (this.#failures.look(network)?.allowed === false) return true;
    return this.#repeats.look(repeatKey(network, credential))?.allowed === false;
  }
}

/** The error for an exhausted count: RATE_LIMITED with a retry delay. */
export function refusal(taken: readonly Taken[]): DomainError | undefined {
  const over = taken.find(({ allowed }) => !allowed);
  if (over === undefined) return undefined;
  const { name, points, seconds } = over.policy;
  return new DomainError(
    ErrorReason.RATE_LIMITED,
    `The rate limit "${name}" of ${points} in ${seconds} s is used up.`,
    { retryAfterMs: Math.max(1, over.resetMs), metadata: { policy: name } },
  );
}

/**
 * `RateLimit-Policy` and `RateLimit`, structured fields of draft-ietf-httpapi-ratelimit-headers-09, sections 3 and 4: q
 * is the quota and w the window in seconds; r is the remaining quota and t the seconds until it is reset.
 */
export function rateLimitHeaders(taken: readonly Taken[]): readonly (readonly [name: string, value: string])[] {
  if (taken.length === 0) return [];
  const policies = taken.map(({ policy: { name, points, seconds } }) => `"${name}";q=${points};w=${seconds}`);
  const counts = taken.map(({ policy, remaining, resetMs }) => {
    return `"${policy.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
  });
  return [
    ["ratelimit-policy", policies.join(", ")],
    ["ratelimit", counts.join(", ")],
  ];
}

// A key is one caller whichever member it acts for, a client token its member, a super administrator one whichever
// tenant it names.
function countedAs(principal: Exclude<Principal, { kind: "anonymous" }>): string {
  if (principal.kind === "key") {
    const { client, keyId, tenantId, memberId } = principal;
    return client === undefined ? `key:${keyId}` : `member:${tenantId}/${memberId}`;
  }
  const tenant = principal.role === "super_admin" ? "*" : (principal.tenantId ?? "");
  return `member:${tenant}/${principal.memberId}`;
}

// The address and a hash of the credential.
function repeatKey(network: string, credential: string): string {
  return `${network} ${hash("sha256", credential, "base64url")}`;
}
