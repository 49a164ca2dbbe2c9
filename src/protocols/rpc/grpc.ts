// gRPC over HTTP/2, whose responses end with trailers: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import type { ConnectError } from "@connectrpc/connect";
import { onceEach } from "../../pipeline/memoize.ts";
import type { WholeResponse } from "../http/exchange.ts";
import { compressionOf, envelope, receiveOne } from "./envelope.ts";
import { statusTrailers } from "./grpc-status.ts";
import type { Form, HeaderMap, Incoming, Protocol } from "./protocol.ts";

const OK = { "grpc-status": "0" };
const EMPTY = new Uint8Array(0);

const form: Form = {
  encodingHeader: "grpc-encoding",
  acceptHeader: "grpc-accept-encoding",
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, { skip: 0 }),
};

export const grpc: Protocol = {
  wire: "grpc",

  unary: {
    ...form,

    succeed(incoming, message, fields) {
      const data = incoming.codec.encode(incoming.method, incoming.encoding, message);
      const framed = envelope(data, 0, compressionOf(incoming));
      const headers = headersOf(incoming, "grpc", fields);
      return framed instanceof Promise
        ? framed.then((body) => ({ status: 200, headers, body, trailers: OK }))
        : { status: 200, headers, body: framed, trailers: OK };
    },

    fail(incoming, error, fields): WholeResponse {
      const trailers = trailersOf(error);
      return { status: 200, headers: headersOf(incoming, "grpc", fields), body: EMPTY, trailers };
    },
  },

  streaming: {
    ...form,
    trailing: true,
    compression: compressionOf,
    isText: () => false,
    headers: (incoming, fields) => headersOf(incoming, "grpc", fields),
    end: (_, error) => ({ trailers: Object.fromEntries(statusTrailers(error)) }),
  },
};

const trailersOf = onceEach(
  (error: ConnectError): Readonly<Record<string, string>> => Object.fromEntries(statusTrailers(error)),
);

/** gRPC says with status 200 that the call was understood; how it went stands in the trailers. */
export function headersOf(
  incoming: Incoming,
  type: "grpc" | "grpc-web" | "grpc-web-text",
  fields: HeaderMap,
): Record<string, string> {
  const headers: Record<string, string> = { "content-type": `application/${type}+${incoming.encoding}` };
  const compression = compressionOf(incoming);
  if (compression !== undefined) headers["grpc-encoding"] = compression.name;
  for (const [name, value] of fields) headers[name] = value;
  return headers;
}
