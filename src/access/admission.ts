// The first two stages of the pipeline, before a body is read: who calls, and has it calls left.
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { Authenticator, Work } from "./authenticate.ts";
import { type RequestHeaders, TICKET } from "./credential.ts";
import { CheckBudget } from "./limits/check-budget.ts";
import { networkOf, type RateLimits, rateLimitHeaders, refusal } from "./limits/rate-limits.ts";
import { GenuineRefused } from "./tokens/claims.ts";

/** What the gate reads of a request. A `CallHead` is one. */
export interface GateRequest extends RequestHeaders {
  /** The client's address. */
  readonly address: string;
}

/** What a bad credential is counted by. */
export interface GuardedCredential {
  readonly address: string;
  /** Its text. Only its hash is kept. */
  readonly credential: string;
}

/** Admits requests. Every wire, and the token endpoint, goes through one gate. */
export class Gate {
  readonly #authenticator: Pick<Authenticator, "authenticate" | "known">;
  readonly #limits: RateLimits;
  readonly #budget = new CheckBudget();

  constructor(authenticator: Pick<Authenticator, "authenticate" | "known">, limits: RateLimits) {
    this.#authenticator = authenticator;
    this.#limits = limits;
  }

  /**
   * Says who calls, at once where that is known; `anonymous` without a credential. Throws what
   * `Authenticator.authenticate` throws, and RATE_LIMITED for bad credentials past their limit.
   */
  authenticate(request: GateRequest): Principal | Promise<Principal> {
    return (
      this.#authenticator.known(request) ??
      this.guard({ address: request.address, credential: credentialOf(request) }, (work) =>
        this.#authenticator.authenticate(request, work),
      )
    );
  }

  /**
   * Counts a call, and sets the rate limit headers of its answer, also when it is refused. Throws RATE_LIMITED.
   */
  limit(principal: Principal, setHeader: (name: string, value: string) => void): void {
    const taken = this.#limits.count(principal);
    for (const [name, value] of rateLimitHeaders(taken)) setHeader(name, value);
    const refused = refusal(taken);
    if (refused !== undefined) throw refused;
  }

  /**
   * Checks a credential, and counts a bad one. What verifies is never refused, whatever else came from its address; where
   * many bad ones came from, what costs something to check waits for its turn. Throws what `check` throws, and
   * RATE_LIMITED instead of CREDENTIAL_INVALID past the limit, or where too many wait.
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

/** All that a request says of who it is. */
function credentialOf(request: RequestHeaders): string {
  return [request.header("authorization"), request.header("x-api-key"), request.header(TICKET)].join("\n");
}
