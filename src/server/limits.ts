// The limits of the sockets, with their defaults.

export interface Limits {
  /** Request headers in all, in bytes; more is 431. Default: 16 KiB. */
  readonly maxHeaderBytes: number;
  /**
   * How long the headers of an HTTP/1.1 request, the first bytes of a connection or a TLS handshake may take. Default:
   * 10 s.
   */
  readonly headersTimeoutMs: number;
  /**
   * How long a body may take to arrive, on every wire. A stream of requests may take longer, but must bring a whole
   * message or 1 KiB in that time. Default: 60 s.
   */
  readonly bodyTimeoutMs: number;
  /**
   * How many bytes the bodies of one connection may hold while they come in and are worked on. Past it only the oldest
   * is read on; at twice as much, counting what waits, bodies are refused (OVERLOADED). Default: 16 MiB.
   */
  readonly maxBodyBytes: number;
  /**
   * The same of all connections together. Past it the bodies of the connection that holds most are refused. Default: 64
   * MiB.
   */
  readonly maxBodyTotalBytes: number;
  /**
   * How many bytes the requests that wait on one HTTP/1.1 connection for the response before them may hold; more are
   * 503, and the connection ends. Default: 8 MiB, which is some 1,900 small requests.
   */
  readonly maxWaitingBytes: number;
  /** The same of all connections together. Default: 64 MiB. */
  readonly maxWaitingTotalBytes: number;
  /** How long a client may read nothing of a pending response. Default: 60 s. */
  readonly stallTimeoutMs: number;
  /** How long an idle HTTP/1.1 connection is kept; longer than the usual 60 s of load balancers. Default: 75 s. */
  readonly keepAliveTimeoutMs: number;
  /** How long an HTTP/2 connection may be silent. Idle ones then get GOAWAY, busy ones a ping. Default: 2 min. */
  readonly http2IdleTimeoutMs: number;
  /** Calls at one time on one HTTP/2 connection. Default: 256. */
  readonly maxConcurrentStreams: number;
  /** How many bytes of one HTTP/2 stream may be on their way. Default: 256 KiB. */
  readonly streamWindowBytes: number;
  /**
   * Streams that one HTTP/2 connection may reset at once, and then each second, before it is closed (the "rapid reset"
   * attack). Clients that cancel calls often reset streams too: raise both for those. Default: 1000, and 100 a second.
   */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
  /**
   * Maximum unread response bytes of one HTTP/2 connection. Past it new calls are refused before they begin
   * (REFUSED_STREAM), so they may be retried. Default: 16 MiB.
   */
  readonly maxUnreadBytes: number;
  /**
   * Maximum unread response bytes of all clients together. Past it the connections with the most unread bytes are
   * closed (ENHANCE_YOUR_CALM). Default: 64 MiB.
   */
  readonly maxUnreadTotalBytes: number;
  /** Connections at one time; more are closed at once. Default: no limit but the machine's. */
  readonly maxConnections: number | undefined;
  /** One request message, also once decompressed, in bytes. Default: 4 MiB. */
  readonly readMaxBytes: number;
  /** One response message, in bytes. Default: 64 MiB. */
  readonly writeMaxBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxHeaderBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  maxBodyBytes: 16 * 1024 * 1024,
  maxBodyTotalBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 8 * 1024 * 1024,
  maxWaitingTotalBytes: 64 * 1024 * 1024,
  stallTimeoutMs: 60_000,
  keepAliveTimeoutMs: 75_000,
  http2IdleTimeoutMs: 120_000,
  maxConcurrentStreams: 256,
  streamWindowBytes: 256 * 1024,
  streamResetBurst: 1_000,
  streamResetRate: 100,
  maxUnreadBytes: 16 * 1024 * 1024,
  maxUnreadTotalBytes: 64 * 1024 * 1024,
  maxConnections: undefined,
  readMaxBytes: 4 * 1024 * 1024,
  writeMaxBytes: 64 * 1024 * 1024,
};
