// How calls of the client say who is calling.
import type { Interceptor } from "@connectrpc/connect";

/** A JWT or an API key, or what gives one: asked for before each call, so it may renew a token that is about to end. */
export type Credential = string | (() => string | Promise<string>);

/** Adds the credential, and the member that an API key acts for, to every call. */
export function identify(credential: Credential | undefined, actFor: string | undefined): Interceptor {
  return (next) => async (request) => {
    const token = typeof credential === "function" ? await credential() : credential;
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    if (actFor !== undefined) request.header.set("x-act-for", actFor);
    return next(request);
  };
}
