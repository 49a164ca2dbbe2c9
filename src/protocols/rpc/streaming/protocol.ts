// What a protocol has to say of a call that is answered with a stream; `lane.ts` does the rest.
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Interrupt } from "../../../domain/cancellation.ts";
import type { SentCoding } from "../../../http/coding.ts";
import type { HeaderMap, Incoming, Protocol } from "../unary/protocol.ts";

/** How a stream ends: with a last frame, or with trailers. */
export interface StreamEnd {
  readonly frame?: Uint8Array | string;
  readonly trailers?: Readonly<Record<string, string>>;
}

export interface StreamProtocol extends Pick<Protocol, "wire" | "acceptHeader"> {
  /** The compression that the request says its messages are in. */
  requestEncoding(incoming: Incoming): string | undefined;
  /** Reads and decodes the one message. Throws MALFORMED_BODY, TOO_LARGE, UNSUPPORTED or as the body's reading. */
  receive(incoming: Incoming, interrupt: () => Interrupt): Promise<Message>;
  /** The compression of the answers; undefined: none that there is was asked for. */
  compression(incoming: Incoming): SentCoding | undefined;
  /** Whether the frames of the answers are written as text, see web-text.ts. */
  isText(incoming: Incoming): boolean;
  /** The headers of the answer, whose status is always 200. */
  headers(incoming: Incoming, fields: HeaderMap): Record<string, string>;
  /** @param error what the call failed with; undefined: it succeeded */
  end(incoming: Incoming, error: ConnectError | undefined): StreamEnd | Promise<StreamEnd>;
  /** Whether the answer ends with trailers, which HTTP/2 wants to know before. */
  readonly trailing: boolean;
}
