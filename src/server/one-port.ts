// One port for HTTP/1.1 and HTTP/2: by ALPN under TLS, in clear text by the first bytes of the connection.
import { createServer as createHttp1Server, type Server as Http1Server, type RequestListener } from "node:http";
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HttpRequest } from "../protocols/http/request.ts";
import type { HttpResponse } from "../protocols/http/response.ts";
import { type Pair, readPair, type TlsOptions } from "./certificate.ts";
import { endIfIdle } from "./connections/end-if-idle.ts";
import { continueStreamWhenRead, continueWhenRead, expectsContinue } from "./connections/expect-continue.ts";
import { inTurn } from "./connections/in-turn.ts";
import { lingerBeforeClose } from "./connections/linger.ts";
import { createUnreadLimit } from "./connections/unread-limit.ts";
import { createRefusal } from "./connections/unreadable.ts";
import type { Limits } from "./limits.ts";

export interface OnePort {
  /** Listens, and serves HTTP/1.1 itself. */
  readonly http1: Http1Server;
  /** Gets its connections from `http1`; does not listen. */
  readonly http2: Http2Server;
  /** All open connections, whatever they speak. */
  readonly sockets: ReadonlySet<Socket>;
  /** Under TLS: uses another certificate for new connections. */
  usePair(pair: Pair): void;
}

/** RFC 9113 §3.4. Its first line distinguishes it from HTTP/1.1, which has no method PRI. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n");

export interface PortHandlers {
  /** Takes a stream of HTTP/2 as it is and says true, or leaves it untouched. Then it comes as a request. */
  stream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): boolean;
  request(request: HttpRequest, response: HttpResponse): void;
  /** A connection has come. */
  readonly connection?: (() => void) | undefined;
}

/** Builds both servers; neither listens yet. Reads the TLS files. @throws SettingError if they do not match */
export function createOnePort(
  { stream: onStream, request: onRequest, connection: onConnection }: PortHandlers,
  limits: Limits,
  tls: TlsOptions | undefined,
): OnePort {
  const sockets = new Set<Socket>();
  const http1Options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    // Bodies have a time limit of their own, with an error text; a request stream may take longer.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(limits.headersTimeoutMs / 4)),
  };
  const onTurn = inTurn(onRequest, { maxBytes: limits.maxWaitingBytes, maxTotalBytes: limits.maxWaitingTotalBytes });
  const http1 =
    tls === undefined
      ? createHttp1Server(http1Options, onTurn as RequestListener)
      : createHttpsServer(
          {
            ...http1Options,
            ...readPair(tls),
            ALPNProtocols: ["h2", "http/1.1"],
            handshakeTimeout: limits.headersTimeoutMs,
          },
          onTurn as RequestListener,
        );
  // Node would destroy it at once.
  http1.on("timeout", (socket) => endIfIdle(socket, () => socket.destroy()));
  http1.on("clientError", createRefusal());
  http1.on("checkContinue", (request, response) => {
    continueWhenRead(request, response);
    onTurn(request, response);
  });
  if (limits.maxConnections !== undefined) http1.maxConnections = limits.maxConnections;
  const http2 = createHttp2Server(
    {
      settings: {
        maxConcurrentStreams: limits.maxConcurrentStreams,
        maxHeaderListSize: limits.maxHeaderBytes,
        initialWindowSize: limits.streamWindowBytes,
      },
      streamResetBurst: limits.streamResetBurst,
      streamResetRate: limits.streamResetRate,
      // In MB. Past it Node refuses streams as an attack, and then ends the session; what is unread has limits of its
      // own.
      maxSessionMemory: Math.ceil((limits.maxUnreadBytes + limits.maxUnreadTotalBytes) / 1e6),
    },
    onRequest,
  );

  // What makes requests of streams is costly, so it gets only those that nothing takes before.
  const [makeRequest] = http2.listeners("stream") as Array<(this: Http2Server, ...args: unknown[]) => void>;
  if (makeRequest === undefined) throw new Error("node:http2 no longer makes requests of its streams");
  http2.removeAllListeners("stream");
  const mayBegin = createUnreadLimit(limits.maxUnreadBytes);
  http2.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: string[]) => {
    if (!mayBegin(stream)) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (expectsContinue(headers)) continueStreamWhenRead(stream);
    if (!onStream(stream, headers, raw)) makeRequest.call(http2, stream, headers, flags, raw);
  });

  // Node would respond to it at once.
  http2.on("checkContinue", onRequest);

  const event = tls === undefined ? "connection" : "secureConnection";
  // The listener that http1 has set up for itself gets the connections that turn out to speak HTTP/1.1.
  const [serveHttp1] = http1.listeners(event) as Array<(this: Http1Server, socket: Socket) => void>;
  if (serveHttp1 === undefined) throw new Error("node:http no longer listens for its own connections");
  http1.removeAllListeners(event);
  const hand = (socket: Socket, isHttp2: boolean) => {
    if (!isHttp2) {
      lingerBeforeClose(socket);
      serveHttp1.call(http1, socket);
    } else {
      // HTTP/2 knows no half of a connection: a peer that has closed its side is gone. Sockets of http1 wait for the other.
      socket.allowHalfOpen = false;
      http2.emit("connection", socket);
    }
  };
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  // Those whose handshake is not done, which may never be, keep a port from closing as well.
  if (tls !== undefined) http1.on("connection", track);
  if (onConnection !== undefined) http1.on("connection", onConnection);
  http1.on(event, (socket: Socket) => {
    track(socket);
    if (tls === undefined) sniff(socket, limits.headersTimeoutMs, hand);
    else hand(socket, (socket as TLSSocket).alpnProtocol === "h2");
  });
  const usePair = (pair: Pair) => (http1 as HttpsServer).setSecureContext(pair);
  return { http1, http2, sockets, usePair };
}

/**
 * Reads until the first bytes differ from HTTP/2's preface or are its first line, then gives them back to the socket.
 */
function sniff(socket: Socket, timeoutMs: number, hand: (socket: Socket, isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => endIfIdle(socket, () => socket.destroy()), timeoutMs);
  const finish = (isHttp2: boolean) => {
    stop();
    // Paused, so that nothing is lost until the server listens.
    socket.pause();
    socket.unshift(seen);
    hand(socket, isHttp2);
    // HTTP/2 takes the socket's handle and reads from that.
    if (!isHttp2) socket.resume();
  };
  const onData = (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const matches = seen.compare(PREFACE, 0, length, 0, length) === 0;
    if (!matches) finish(false);
    else if (length === PREFACE.length) finish(true);
  };
  const onEnd = () => {
    stop();
    // Less than a request line: nobody would read a response.
    socket.destroy();
  };
  const onError = () => socket.destroy();
  const stop = () => {
    clearTimeout(timer);
    socket.off("data", onData).off("end", onEnd).off("error", onError).off("close", stop);
  };
  socket.on("data", onData).on("end", onEnd).on("error", onError).on("close", stop);
}
