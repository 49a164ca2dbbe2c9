// The Connect protocol's unary calls, POST and GET: https://connectrpc.com/docs/protocol#unary-request
import type { Message } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import type { WholeAnswer } from "../../../http/exchange.ts";
import { onceEach } from "../../../pipeline/memoize.ts";
import { lengthOf } from "../codec.ts";
import { answerCompression, COMPRESS_MIN_BYTES, compress, requestCompression } from "../compression.ts";
import type { HeaderMap, Incoming, Protocol } from "./protocol.ts";

export const connect: Protocol = {
  wire: "connect",
  acceptHeader: "accept-encoding",
  requestEncoding: ({ exchange, query }) =>
    query === undefined ? exchange.header("content-encoding") : query.get("compression"),

  async receive(incoming, interrupt): Promise<Message> {
    const { exchange, query, codec, method, encoding, readMaxBytes } = incoming;
    const bytes =
      query === undefined
        ? await exchange.body.whole(readMaxBytes, interrupt, exchange.header("content-length"))
        : messageOf(query);
    const compression = requestCompression(connect.requestEncoding(incoming));
    if (compression === undefined) return codec.decode(method, encoding, bytes);
    return codec.decode(method, encoding, await exchange.body.expand(bytes, compression, readMaxBytes));
  },

  succeed(incoming, message, headers) {
    const body = incoming.codec.encode(incoming.method, incoming.encoding, message);
    return answer(incoming, 200, `application/${incoming.encoding}`, body, headers);
  },

  fail(incoming, error, headers) {
    const body = bodyOf(error);
    return answer(incoming, codeToHttpStatus(error.code), "application/json", body, headers);
  },
};

/** As a text: Node's HTTP/1.1 sends that in one piece with the headers. */
const bodyOf = onceEach((error: ConnectError) => Buffer.from(errorToJsonBytes(error, undefined)).toString());

/** "message", "base64" and "encoding" of a Unary-Get-Request. */
function messageOf(query: URLSearchParams): Uint8Array {
  const message = query.get("message") ?? "";
  return query.get("base64") === "1" ? base64Decode(message) : Buffer.from(message.toWellFormed());
}

/** Errors are compressed like any other answer. */
function answer(
  incoming: Incoming,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  fields: HeaderMap,
): WholeAnswer | Promise<WholeAnswer> {
  const headers: Record<string, string> = { "content-type": contentType };
  for (const [name, value] of fields) headers[name] = value;
  const length = lengthOf(body);
  const compression =
    length < COMPRESS_MIN_BYTES
      ? undefined
      : answerCompression(incoming.exchange.header("accept-encoding"), connect.requestEncoding(incoming));
  if (compression === undefined) {
    headers["content-length"] = String(length);
    return { status, headers, body };
  }
  return compress(body, compression).then((compressed) => {
    headers["content-encoding"] = compression.name;
    headers.vary = "accept-encoding";
    headers["content-length"] = String(compressed.byteLength);
    return { status, headers, body: compressed };
  });
}
