// How the console calls the server: Connect over fetch, on the origin that the page came from.
import { Code, ConnectError, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { SessionStore } from "../auth/session.ts";
import type { Connection } from "./connection.ts";
import { isUnreachable } from "./failure.ts";
import { createRepeats } from "./repeats.ts";

export function createTransport(session: SessionStore, connection: Connection): Transport {
  return createConnectTransport({
    baseUrl: location.origin,
    useBinaryFormat: true,
    interceptors: [watch(session, connection), createRepeats(), identify(session)],
  });
}

function identify(session: SessionStore): Interceptor {
  return (next) => (request) => {
    const current = session.current();
    // A credential that is being tried is in the request already.
    if (current !== undefined && !request.header.has("authorization")) {
      request.header.set("authorization", `Bearer ${current.credential}`);
      if (current.actFor !== undefined) request.header.set("x-act-for", current.actFor);
    }
    return next(request);
  };
}

function watch(session: SessionStore, connection: Connection): Interceptor {
  return (next) => async (request) => {
    const caller = session.current();
    try {
      const response = await next(request);
      connection.ok();
      return response;
    } catch (error) {
      if (!request.signal.aborted && isUnreachable(error)) connection.lost();
      else connection.ok();
      const refused = ConnectError.from(error).code === Code.Unauthenticated;
      if (refused && caller !== undefined && caller === session.current()) session.end("expired");
      throw error;
    }
  };
}
