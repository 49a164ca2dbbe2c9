// What a protocol has to say of a unary call; `lane.ts` does the rest.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Interrupt } from "../../../domain/cancellation.ts";
import type { Exchange, WholeAnswer } from "../../../http/exchange.ts";
import type { Wire } from "../../../pipeline/call.ts";
import type { Codec, Encoding } from "../codec.ts";

/** One call on its way. */
export interface Incoming {
  readonly exchange: Exchange;
  readonly method: DescMethod;
  readonly encoding: Encoding;
  readonly codec: Codec;
  readonly readMaxBytes: number;
  /** The parameters of a Connect GET, which carry all that a POST has in headers and body. */
  readonly query: URLSearchParams | undefined;
}

export type HeaderMap = ReadonlyMap<string, string>;

export interface Protocol {
  readonly wire: Exclude<Wire, "rest">;
  /** The compression that the request says it is in. */
  requestEncoding(incoming: Incoming): string | undefined | null;
  /** The header that tells which compressions are taken. */
  readonly acceptHeader: string;
  /** Reads and decodes the one message. Throws MALFORMED_BODY, TOO_LARGE, UNSUPPORTED or as the body's reading. */
  receive(incoming: Incoming, interrupt: () => Interrupt): Promise<Message>;
  /** The answer to send. Throws TOO_LARGE. */
  succeed(incoming: Incoming, message: Message, headers: HeaderMap): WholeAnswer | Promise<WholeAnswer>;
  fail(incoming: Incoming, error: ConnectError, headers: HeaderMap): WholeAnswer | Promise<WholeAnswer>;
}
