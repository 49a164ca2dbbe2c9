// One message and its response, in the era of the protocol that it is of, and as JSON or events as its client takes
// them.

import type { CallContext } from "../../pipeline/call/call.ts";
import { acceptMedia } from "../../protocols/http/accept.ts";
import { EVENTS_TYPE } from "../../protocols/rest/binding/media.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { FrontendOptions } from "../shared/options.ts";
import { createServerOf, type McpPackage } from "./server.ts";

/** The headers that say something in the protocol, besides `Accept`. */
const HEADERS = ["mcp-protocol-version", "mcp-method", "mcp-name"] as const;
const JSON_TYPE = "application/json";

export interface Posted {
  /** The parsed body. */
  readonly message: unknown;
  readonly contentType: string;
  /** Aborts when the exchange is over, or its client gone. */
  readonly signal: AbortSignal;
}

type Exchange = (mcp: McpPackage, context: CallContext, posted: Posted) => Promise<Response>;

/** Events get a comment after every `heartbeatMs` of silence. */
export function createExchange(canonical: Canonical, { heartbeatMs, version }: FrontendOptions): Exchange {
  const serverOf = createServerOf(canonical, version);

  return async (mcp, context, { message: posted, contentType, signal }) => {
    const message = withoutNullArguments(posted);
    const takes = acceptedBy(context);
    const request = requestOf(context, contentType, signal, takes);
    // A stream from the start, whose comments keep proxies from giving up.
    const asEvents = takes.events && (takesLong(message) || !takes.json);
    if (await mcp.isLegacyRequest(request, message)) {
      const transport = new mcp.WebStandardStreamableHTTPServerTransport({
        enableJsonResponse: !asEvents,
        keepAliveMs: heartbeatMs,
      });
      const server = serverOf(mcp, context);
      await server.connect(transport);
      closeAtEnd(server, signal);
      return transport.handleRequest(request, { parsedBody: message });
    }
    const handler = mcp.createMcpHandler(() => serverOf(mcp, context), {
      legacy: "reject",
      responseMode: asEvents ? "sse" : "auto",
      keepAliveMs: heartbeatMs,
      // Nothing is announced that could be subscribed to.
      maxSubscriptions: 0,
      onerror: (error) => context.log.debug({ err: error }, "mcp"),
    });
    closeAtEnd(handler, signal);
    return handler.fetch(request, { parsedBody: message });
  };
}

function closeAtEnd(what: { close(): Promise<void> }, signal: AbortSignal): void {
  const close = () => void what.close().catch(() => {});
  if (signal.aborted) close();
  else signal.addEventListener("abort", close, { once: true });
}

/** Clients write null for the arguments of a tool that has none; the package wants an object. */
function withoutNullArguments(message: unknown): unknown {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { arguments?: unknown } | null };
  if (method !== "tools/call" || params?.arguments !== null) return message;
  const { arguments: _, ...rest } = params;
  return { ...(message as object), params: rest };
}

function takesLong(message: unknown): boolean {
  const { method, params } = (message ?? {}) as { method?: unknown; params?: { name?: unknown } | null };
  return method === "tools/call" && params?.name === "ask_agent";
}

interface Taken {
  readonly json: boolean;
  readonly events: boolean;
}

/** Not a few clients take one of the two alone, or anything, though the protocol wants both named. */
function acceptedBy(context: CallContext): Taken {
  const accept = context.wire === "rest" ? context.header("accept") : undefined;
  return {
    json: acceptMedia(accept, [JSON_TYPE]) !== undefined,
    events: acceptMedia(accept, [EVENTS_TYPE]) !== undefined,
  };
}

/** The request as the package reads it, which looks for both types by their letters; its body is parsed already. */
function requestOf(context: CallContext, contentType: string, signal: AbortSignal, { json, events }: Taken): Request {
  const headers = new Headers({ "content-type": contentType });
  if (json || events) headers.set("accept", `${JSON_TYPE}, ${EVENTS_TYPE}`);
  for (const name of HEADERS) {
    const value = context.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  return new Request("http://localhost/mcp", { method: "POST", headers, signal });
}
