// A fetch for agents' endpoints: it looks at every address before it connects, and follows no redirect.
import { Agent, buildConnector, fetch as undiciFetch } from "undici";
import { checkHost, publicLookup } from "./addresses.ts";

export interface GuardedFetch {
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

/** @param allowPrivate whether addresses on the loopback and private networks are allowed */
export function createGuardedFetch(allowPrivate: boolean): GuardedFetch {
  const connect = buildConnector(allowPrivate ? {} : { lookup: publicLookup });
  const dispatcher = new Agent({
    // Limits of their own stand around every reply.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      try {
        if (!allowPrivate) checkHost(options.hostname.replace(/^\[(.*)\]$/, "$1"));
      } catch (error) {
        return callback(error as Error, null);
      }
      connect(options, callback);
    },
  });
  const fetch = (input: Parameters<typeof undiciFetch>[0], init?: Parameters<typeof undiciFetch>[1]) =>
    undiciFetch(input, { ...init, dispatcher, redirect: "error" });
  return { fetch: fetch as unknown as typeof globalThis.fetch, close: () => dispatcher.destroy() };
}
