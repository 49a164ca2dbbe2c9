// The one way that a call goes, whatever its wire: authenticate, limit, decode, validate, act, encode.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { CallContext, CallHead } from "./call.ts";

/**
 * One call on its way. A wire makes it when the headers are in, then goes
 * `admit` → (decode) → `unary` or `stream` → (encode) → `end`, and on any error `fail`.
 */
export interface Call {
  readonly context: CallContext;
  /** Authenticates and counts against rate limits. Comes before the body is read. */
  admit(): Promise<void>;
  /** Validates the decoded request and lets the service act. Methods with one request and one response. */
  unary(request: Message): Promise<Message>;
  /** The same for every streaming kind; a server-streaming method gets an iterable of its one request. */
  stream(requests: AsyncIterable<Message>): AsyncIterable<Message>;
  /** Headers that the answer carries, whether it is a success or an error. */
  readonly responseHeaders: ReadonlyMap<string, string>;
  /** Records the outcome once, for logs and metrics. */
  end(): void;
  /** Records a failure once, and gives the error to send: never one with internals in it. */
  fail(error: unknown): import("@connectrpc/connect").ConnectError;
}

export interface Pipeline {
  /** Every method that is served, by its path, such as `/colloquy.v1.MessageService/SendMessage`. */
  readonly methods: ReadonlyMap<string, DescMethod>;
  begin(head: CallHead): Call;
}
