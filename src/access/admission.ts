// The first two stages of the pipeline, before a body is read: authentication and rate limits.
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Principal } from "../domain/identity/principal.ts";
import { networkOf } from "../domain/network/network.ts";
import type { Authenticator, Work } from "./authenticate.ts";
import { type RequestHeaders, TICKET } from "./credential.ts";
import { CheckBudget } from "./limits/check-budget.ts";
import { type RateLimits, rateLimitHeaders, refusal } from "./limits/rate-limits.ts";
import { GenuineRefused } from "./tokens/claims.ts";

/** The parts of a request that the gate reads, such as a `CallHead`. */
export interface GateRequest extends RequestHeaders {
  /** The client's address. */
  readonly address: string;
}

/** What a bad credential is counted for. */
export interface GuardedCredential {
  readonly address: string;
  /** Only its hash is stored. */
  readonly credential: string;
}

/** Admits requests of all protocols and of the token endpoint. */
export class Gate {
  readonly #authenticator: Pick<Authenticator, "authenticate" | "claimed" | "known">;
  #limits: RateLimits;
  readonly #budget = new CheckBudget();

  constructor(authenticator: Pick<Authenticator, "authenticate" | "claimed" | "known">, limits: RateLimits) {
    this.#authenticator = authenticator;
    this.#limits = limits;
  }

  /** Counts from zero by other limits. */
  replaceLimits(limits: RateLimits): void {
    this.#limits = limits;
  }

  /**
   * Returns the principal, synchronously if it is cached; `anonymous` without a credential. Throws what
   * `Authenticator.authenticate` throws, and RATE_LIMITED for bad credentials over their limit.
   */
  authenticate(request: GateRequest): Principal | Promise<Principal> {
    return (
      this.#authenticator.known(request) ??
      this.guard({ address: request.address, credential: credentialOf(request) }, (work) =>
        this.#authenticator.authenticate(request, work),
      )
    );
  }

  /** See `Authenticator.claimed`. */
  claimed(request: GateRequest): Principal | undefined {
    return this.#authenticator.claimed(request);
  }

  /**
   * Counts a call and sets the rate limit headers of its response, also of a refused one. Throws RATE_LIMITED.
   */
  limit(principal: Principal, setHeader: (name: string, value: string) => void): void {
    const taken = this.#limits.count(principal);
    for (const [name, value] of rateLimitHeaders(taken)) setHeader(name, value);
    const refused = refusal(taken);
    if (refused !== undefined) throw refused;
  }

  /**
   * Checks a credential and counts a bad one. A valid one is never refused because of others from its address; from an
   * address with many failures, an expensive check waits in a queue. Throws what `check` throws, and RATE_LIMITED
   * instead of CREDENTIAL_INVALID over the limit, or if the queue is full.
   */
  async guard<T>({ address, credential }: GuardedCredential, check: (work: Work) => Promise<T>): Promise<T> {
    const suspect = this.#limits.isSuspect(address, credential);
    try {
      return await check(suspect ? (costly) => this.#budget.run(networkOf(address), costly) : (costly) => costly());
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.CREDENTIAL_INVALID)) throw error;
      throw this.#limits.countFailure(address, credential, error instanceof GenuineRefused) ?? error;
    }
  }
}

/** All headers of a request that identify the caller. */
function credentialOf(request: RequestHeaders): string {
  return [request.header("authorization"), request.header("x-api-key"), request.header(TICKET)].join("\n");
}
