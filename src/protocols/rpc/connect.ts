// The Connect protocol: unary calls by POST and GET, and server streams. https://connectrpc.com/docs/protocol
import type { Message } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import type { ConnectError } from "@connectrpc/connect";
import {
  codeToHttpStatus,
  createEndStreamSerialization,
  endStreamFlag,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { onceEach } from "../../pipeline/memoize.ts";
import type { WholeResponse } from "../http/exchange.ts";
import { lengthOf } from "./codec.ts";
import { answerCompression, COMPRESS_MIN_BYTES, compress, requestCompression } from "./compression.ts";
import { envelope, receiveOne } from "./envelope.ts";
import {
  type HeaderMap,
  type Incoming,
  type Protocol,
  requestEncoding,
  type StreamingForm,
  type UnaryForm,
} from "./protocol.ts";

const unary: UnaryForm = {
  encodingHeader: "content-encoding",
  acceptHeader: "accept-encoding",

  async receive(incoming, interrupt): Promise<Message> {
    const { exchange, query, codec, method, encoding, readMaxBytes } = incoming;
    const bytes =
      query === undefined
        ? await exchange.body.whole(readMaxBytes, interrupt, exchange.header("content-length"))
        : messageOf(query);
    const compression = requestCompression(requestEncoding(unary, incoming));
    if (compression === undefined) return codec.decode(method, encoding, bytes);
    return codec.decode(method, encoding, await exchange.body.expand(bytes, compression, readMaxBytes));
  },

  succeed(incoming, message, headers) {
    const body = incoming.codec.encode(incoming.method, incoming.encoding, message);
    return response(incoming, 200, `application/${incoming.encoding}`, body, headers);
  },

  fail(incoming, error, headers) {
    const body = bodyOf(error);
    return response(incoming, codeToHttpStatus(error.code), "application/json", body, headers);
  },
};

/** As a text: Node's HTTP/1.1 sends that in one piece with the headers. */
const bodyOf = onceEach((error: ConnectError) => Buffer.from(errorToJsonBytes(error, undefined)).toString());

/** "message", "base64" and "encoding" of a Unary-Get-Request. */
export function messageOf(query: URLSearchParams): Uint8Array {
  const message = query.get("message") ?? "";
  return query.get("base64") === "1" ? base64Decode(message) : Buffer.from(message.toWellFormed());
}

/** Errors are compressed like any other response. */
function response(
  incoming: Incoming,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  fields: HeaderMap,
): WholeResponse | Promise<WholeResponse> {
  const headers: Record<string, string> = { "content-type": contentType };
  for (const [name, value] of fields) headers[name] = value;
  const length = lengthOf(body);
  const compression =
    length < COMPRESS_MIN_BYTES
      ? undefined
      : answerCompression(incoming.exchange.header("accept-encoding"), requestEncoding(unary, incoming));
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

const ENCODING = "connect-content-encoding";
const ACCEPT = "connect-accept-encoding";

const endOfStream = createEndStreamSerialization(undefined);

const streaming: StreamingForm = {
  encodingHeader: ENCODING,
  acceptHeader: ACCEPT,
  trailing: false,
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, { skip: endStreamFlag, encodingHeader: ENCODING }),
  compression: ({ exchange }) => answerCompression(exchange.header(ACCEPT), exchange.header(ENCODING)),
  isText: () => false,

  headers(incoming, fields) {
    const headers: Record<string, string> = { "content-type": `application/connect+${incoming.encoding}` };
    const compression = streaming.compression(incoming);
    if (compression !== undefined) headers[ENCODING] = compression.name;
    for (const [name, value] of fields) headers[name] = value;
    return headers;
  },

  async end(incoming, error) {
    const data = endOfStream.serialize({ metadata: new Headers(), ...(error && { error }) });
    return { frame: await envelope(data, endStreamFlag, streaming.compression(incoming)) };
  },
};

export const connect: Protocol = { wire: "connect", unary, streaming };
