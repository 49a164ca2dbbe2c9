// The result of listening on all ports of a server.
export interface Listening {
  /** Where the server's own port can be reached, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** What is not served, a line each, for the operator. */
  readonly notices: readonly string[];
}
