// The first two stages of the pipeline, before a body is read: who calls, and has it calls left.
import { DomainError, ErrorReason } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import type { Authenticator } from "./authenticate.ts";
import type { RequestHeaders } from "./credential.ts";
import { type RateLimits, rateLimitHeaders, refusal } from "./rate-limits.ts";

/** What the gate reads of a request. A `CallHead` is one. */
export interface GateRequest extends RequestHeaders {
  /** The peer's address. */
  readonly address: string;
}

/** Admits requests. Every wire, and the token endpoint, goes through one gate. */
export class Gate {
  readonly #authenticator: Pick<Authenticator, "authenticate" | "known">;
  readonly #limits: RateLimits;

  constructor(authenticator: Pick<Authenticator, "authenticate" | "known">, limits: RateLimits) {
    this.#authenticator = authenticator;
    this.#limits = limits;
  }

  /**
   * Says who calls, at once where that is known; `anonymous` without a credential. Throws what
   * `Authenticator.authenticate` throws, and RATE_LIMITED for an address that sent too many bad credentials.
   */
  authenticate(request: GateRequest): Principal | Promise<Principal> {
    return (
      this.#authenticator.known(request) ??
      this.guard(request.address, (beforeWork) => this.#authenticator.authenticate(request, beforeWork))
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
   * Checks a credential, and counts a bad one against its address. An address that sent too many is refused as soon as
   * checking another would cost something; credentials that are known here still pass, since behind one address there may
   * be a load balancer and everyone else.
   */
  async guard<T>(address: string, check: (beforeWork: () => void) => Promise<T>): Promise<T> {
    const failures = this.#limits.failures(address);
    const refused = failures && refusal([failures]);
    try {
      return await check(() => {
        if (refused !== undefined) throw refused;
      });
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.CREDENTIAL_INVALID)) throw error;
      this.#limits.countFailure(address);
      throw refused ?? error;
    }
  }
}
