// How calls of the client say who is calling.
import type { Interceptor, StreamResponse } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/colloquy/v1/error_reason_pb.ts";
import { reasonOf } from "./reason.ts";

/**
 * A JWT or an API key, or what gives one. A function is asked before the first call, again 30 seconds before a JWT
 * expires, and once more when the server refuses the JWT; for a credential that is no JWT, before each call.
 */
export type Credential = string | (() => string | Promise<string>);

/** How long before the expiry a JWT is replaced, in milliseconds. */
const RENEW_MS = 30_000;

/** Who calls. */
export interface Identity {
  /** The credential of now; undefined: none. */
  readonly current: () => string | undefined | Promise<string>;
  /** Where it is asked for: the server has refused one of them. */
  readonly forget: ((token: string) => void) | undefined;
  /** The member that an API key acts for. */
  readonly actFor: string | undefined;
}

export function identityOf(credential: Credential | undefined, actFor: string | undefined): Identity {
  if (typeof credential !== "function") return { current: () => credential, forget: undefined, actFor };
  const tokens = new Tokens(credential);
  return { current: () => tokens.current(), forget: (token) => tokens.forget(token), actFor };
}

/** Adds the credential, and the member that an API key acts for, to every call. */
export function identify({ current, forget, actFor }: Identity): Interceptor {
  return (next) => async (request) => {
    const token = await current();
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    if (actFor !== undefined) request.header.set("x-act-for", actFor);
    if (forget === undefined || token === undefined) return next(request);
    try {
      const response = await next(request);
      return response.stream ? watched(response, () => forget(token)) : response;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      forget(token);
      // What a stream of requests held may be gone.
      if (request.stream) throw error;
      const fresh = await current();
      if (fresh === token) throw error;
      request.header.set("authorization", `Bearer ${fresh}`);
      return next(request);
    }
  };
}

/** The last token, until it is about to expire or was refused. Calls at the same time share one question. */
class Tokens {
  readonly #ask: () => string | Promise<string>;
  #asked: Promise<string> | undefined;
  #known: { readonly token: string; readonly renewAt: number } | undefined;

  constructor(ask: () => string | Promise<string>) {
    this.#ask = ask;
  }

  async current(): Promise<string> {
    if (this.#known !== undefined && Date.now() < this.#known.renewAt) return this.#known.token;
    this.#asked ??= this.#renew().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  forget(token: string): void {
    if (this.#known?.token === token) this.#known = undefined;
  }

  /** While the last token still works, a back end that is away does no harm. */
  async #answer(): Promise<string> {
    const last = this.#known;
    try {
      return await this.#ask();
    } catch (error) {
      if (last === undefined || Date.now() >= last.renewAt + RENEW_MS) throw error;
      return last.token;
    }
  }

  async #renew(): Promise<string> {
    const token = await this.#answer();
    const expiry = expiryOf(token);
    this.#known = expiry === undefined ? undefined : { token, renewAt: expiry - RENEW_MS };
    return token;
  }
}

/** In milliseconds since 1970; undefined for what is no JWT. */
function expiryOf(token: string): number | undefined {
  try {
    const claims = JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
    return Number.isFinite(claims.exp) ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** A stream that ends because its credential has expired: whoever opens it anew needs another one. */
function watched(response: StreamResponse, refused: () => void): StreamResponse {
  const { message } = response;
  async function* messages() {
    try {
      yield* message;
    } catch (error) {
      if (isRefusal(error)) refused();
      throw error;
    }
  }
  return { ...response, message: messages() };
}

export function isRefusal(error: unknown): boolean {
  return reasonOf(error) === ErrorReason.CREDENTIAL_INVALID;
}
