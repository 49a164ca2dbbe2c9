// The server: takes requests from the port, calls the handlers in turn, and stops without dropping a call.
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { Lifecycle } from "../pipeline/lifecycle.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { releaseBody } from "../protocols/http/body/linger.ts";
import { type BodyRules, createBodyRules } from "../protocols/http/body/rules.ts";
import { type HttpHandler, type HttpRequest, pathOf } from "../protocols/http/request.ts";
import { answer, type HttpResponse } from "../protocols/http/response.ts";
import { createConnectAdapter } from "../protocols/rpc/fallback/adapter.ts";
import { createStreamLane } from "../protocols/rpc/lanes/streaming.ts";
import { createUnaryLane } from "../protocols/rpc/lanes/unary.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type CertificateWatch, type TlsOptions, watchCertificate } from "./certificate.ts";
import { createInFlight, drainServer } from "./connections/drain.ts";
import { keepSessions } from "./connections/http2-sessions.ts";
import { watchUnread } from "./connections/slow-readers.ts";
import { type CorsOptions, createCors } from "./cors.ts";
import { createOperations } from "./endpoints/operations.ts";
import { createUnknownCallHandler } from "./endpoints/unknown-call.ts";
import { createHostCheck, type HostOptions } from "./hosts.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { createOnePort } from "./one-port.ts";
import { checkRequest } from "./request-check.ts";

const PLAIN = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

export interface ServerOptions {
  readonly pipeline: Pipeline;
  readonly lifecycle: Lifecycle;
  /** Asked in this order, before the RPC protocols, for paths that are none of `routes`. Default: none. */
  readonly handlers?: readonly HttpHandler[];
  /** Handlers of exact paths such as `/openapi.json`, beside `/healthz`, `/readyz` and `/metrics`. Default: none. */
  readonly routes?: ReadonlyMap<string, HttpHandler>;
  /** The address to listen on, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Without it the port is clear text. */
  readonly tls?: TlsOptions | undefined;
  readonly cors: CorsOptions;
  /** The names that requests may call the server by. Default: any. */
  readonly hosts?: HostOptions | undefined;
  /** Whether the server can do its work: for `/readyz`. */
  readonly ready: () => Promise<boolean>;
  /** For `/metrics`. Default: the path does not exist. */
  readonly metrics?: Metrics | undefined;
  readonly logger: Logger;
  /**
   * Whether unary calls take the short way past Connect's handlers. Nothing but the time it takes differs. Default:
   * true.
   */
  readonly unaryLane?: boolean;
  /** The same for server-streaming calls. Default: true. */
  readonly streamLane?: boolean;
  /** Each limit that is not named has its default. */
  readonly limits?: Partial<Limits>;
  /** How request bodies are read, where that is shared with other servers. Default: by the limits. */
  readonly bodies?: BodyRules;
  /** Told of each connection as it comes. */
  readonly onConnection?: (() => void) | undefined;
}

export interface Server {
  /** Listens. Rejects if the address is taken. */
  listen(): Promise<{ readonly url: string; readonly port: number }>;
  /** Reads the certificate anew, where there is one; a changed one is noticed within 10 s without. */
  reload(): void;
  /**
   * Stops: readiness and health flip, new calls are refused, calls in flight have `deadlineMs` to finish, then they are
   * aborted and all connections closed. Again waits for the same stop.
   */
  close(options: { readonly deadlineMs: number }): Promise<void>;
}

/**
 * Builds a server that does not listen yet. Several may share a pipeline and a lifecycle, each with a port of its own.
 */
export function createServer(options: ServerOptions): Server {
  const { pipeline, lifecycle, handlers = [], unaryLane = true, streamLane = true, logger } = options;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  const bodies = options.bodies ?? createBodyRules(limits);
  // Responses of calls are `no-store`.
  const isCall = ({ url }: HttpRequest) => pipeline.methods.has(pathOf(url));
  const cors = createCors(options.cors, isCall);
  const isOwnHost = options.hosts && createHostCheck(options.hosts);
  const rules = { maxHeaderBytes: limits.maxHeaderBytes, isOwnHost };
  const routes = new Map([...createOperations(options), ...(options.routes ?? [])]);
  const lanes = [
    ...(unaryLane ? [createUnaryLane({ pipeline, lifecycle, bodies, ...limits })] : []),
    ...(streamLane ? [createStreamLane({ pipeline, lifecycle, bodies, ...limits })] : []),
  ];
  const chain = [
    ...lanes.map(({ http1 }) => http1),
    ...handlers,
    createConnectAdapter({ pipeline, lifecycle, bodies, ...limits }),
    createUnknownCallHandler(pipeline),
  ];
  const inFlight = createInFlight();
  const port = createOnePort(
    { stream: onStream, request: onRequest, connection: options.onConnection },
    limits,
    options.tls,
  );
  const sessions = keepSessions(port.http2, limits.http2IdleTimeoutMs);
  const unread = watchUnread({
    responses: inFlight.responses,
    maxBytes: limits.maxUnreadTotalBytes,
    stallTimeoutMs: limits.stallTimeoutMs,
    onCut: (bytes, connections) =>
      logger.warn({ bytes, connections }, "closed connections with too much unread response data"),
  });
  let certificate: CertificateWatch | undefined;
  let closing: Promise<void> | undefined;

  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean {
    // Only browsers send an origin; `cors` handles them.
    if (lanes.length === 0 || headers.origin !== undefined) return false;
    const socket = stream.session?.socket as HttpRequest["socket"];
    const head = {
      stream,
      headers,
      rawHeaders: rawHeaders as string[],
      url: headers[":path"],
      httpVersionMajor: 2,
      socket,
    };
    if (checkRequest(head, rules) !== undefined) return false;
    if (!lanes.some((lane) => lane.http2(stream, headers))) return false;
    inFlight.add(stream);
    return true;
  }

  function onRequest(request: HttpRequest, response: HttpResponse): void {
    inFlight.add(response);
    if (lifecycle.draining.aborted && !("stream" in request)) response.setHeader("connection", "close");
    const fault = checkRequest(request, rules);
    if (fault !== undefined) {
      answer(response, fault.status, PLAIN, `${fault.message}\n`);
      return;
    }
    if (cors(request, response)) return;
    dispatch(request, response)
      .catch((error: unknown) => {
        // A handler reports its own failures, so this is a defect of the server.
        logger.error({ err: error }, "a handler failed");
        if (response.headersSent) response.destroy();
        else answer(response, 500, PLAIN, "internal error\n");
      })
      // Not every handler reads a body.
      .finally(() => releaseBody(request));
  }

  async function dispatch(request: HttpRequest, response: HttpResponse): Promise<void> {
    const route = routes.get(pathOf(request.url));
    if (route !== undefined && (await route(request, response))) return;
    for (const handler of chain) {
      const answered = handler(request, response);
      if (typeof answered === "boolean" ? answered : await answered) return;
    }
  }

  return {
    listen() {
      return new Promise((resolve, reject) => {
        port.http1.once("error", reject);
        port.http1.listen({ host: options.host, port: options.port }, () => {
          port.http1.off("error", reject);
          port.http1.on("error", (error) => logger.error({ err: error }, "the listener failed"));
          certificate = options.tls && watchCertificate(options.tls, port.usePair, logger);
          const address = port.http1.address() as AddressInfo;
          const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
          const scheme = options.tls === undefined ? "http" : "https";
          resolve({ url: `${scheme}://${name}:${address.port}`, port: address.port });
        });
      });
    },
    reload: () => certificate?.reload(),
    close({ deadlineMs }) {
      certificate?.stop();
      closing ??= drainServer({ port, sessions, inFlight, lifecycle, deadlineMs }).finally(unread.stop);
      return closing;
    },
  };
}
