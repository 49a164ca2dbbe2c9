// The interface of a protocol; `lanes/` does the rest. Implemented by `connect.ts`, `grpc.ts` and `grpc-web.ts`.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Wire } from "../../pipeline/call/call.ts";
import type { SentCoding } from "../http/coding.ts";
import type { Exchange, WholeResponse } from "../http/exchange.ts";
import type { Codec, Encoding } from "./codec.ts";

/** One call of one request on its way. */
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
  readonly unary: UnaryForm;
  readonly streaming: StreamingForm;
}

/** What calls of both kinds have, each in its own way. */
export interface Form {
  /** The header that names the compression of the request. */
  readonly encodingHeader: string;
  /** The header that lists the accepted compressions. */
  readonly acceptHeader: string;
  /** Reads and decodes the one message. Throws MALFORMED_BODY, TOO_LARGE, UNSUPPORTED or as the body's reading. */
  receive(incoming: Incoming, interrupt: () => Interrupt): Promise<Message>;
}

/** A call with one response. */
export interface UnaryForm extends Form {
  /** The response to send. Throws TOO_LARGE. */
  succeed(incoming: Incoming, message: Message, headers: HeaderMap): WholeResponse | Promise<WholeResponse>;
  fail(incoming: Incoming, error: ConnectError, headers: HeaderMap): WholeResponse | Promise<WholeResponse>;
}

/** A server-streaming call. */
export interface StreamingForm extends Form {
  /** The compression of the responses; undefined: none that there is was asked for. */
  compression(incoming: Incoming): SentCoding | undefined;
  /** Whether the frames of the responses are written as text, see web-text.ts. */
  isText(incoming: Incoming): boolean;
  /** The headers of the response, whose status is always 200. */
  headers(incoming: Incoming, fields: HeaderMap): Record<string, string>;
  /** @param error what the call failed with; undefined: it succeeded */
  end(incoming: Incoming, error: ConnectError | undefined): StreamEnd | Promise<StreamEnd>;
  /** Whether the response ends with trailers, which HTTP/2 wants to know before. */
  readonly trailing: boolean;
}

/** How a stream ends: with a last frame, or with trailers. */
export interface StreamEnd {
  readonly frame?: Uint8Array | string;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** The compression that the request says it is in. */
export function requestEncoding(
  { encodingHeader }: Pick<Form, "encodingHeader">,
  { exchange, query }: Incoming,
): string | undefined | null {
  return query === undefined ? exchange.header(encodingHeader) : query.get("compression");
}
