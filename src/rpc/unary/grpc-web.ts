// Unary calls of gRPC-Web, whose trailers are the last frame of the body: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { compressionOf, envelope, receiveOne } from "./envelope.ts";
import type { WholeAnswer } from "./exchange.ts";
import { headersOf } from "./grpc.ts";
import type { HeaderMap, Incoming, Protocol } from "./protocol.ts";

const TRAILERS = 0x80;
const OK = Buffer.from("grpc-status: 0\r\n");

export const grpcWeb: Protocol = {
  wire: "grpc-web",
  acceptHeader: "grpc-accept-encoding",
  requestEncoding: ({ exchange }) => exchange.header("grpc-encoding"),
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, TRAILERS),

  async succeed(incoming, message, fields) {
    const data = incoming.codec.encode(incoming.method, incoming.encoding, message);
    const compression = compressionOf(incoming);
    return answer(incoming, fields, [await envelope(data, 0, compression), await envelope(OK, TRAILERS, compression)]);
  },

  async fail(incoming, error, fields) {
    const trailers = trailerSerialize(setTrailerStatus(new Headers(), error));
    return answer(incoming, fields, [await envelope(trailers, TRAILERS, compressionOf(incoming))]);
  },
};

function answer(incoming: Incoming, fields: HeaderMap, frames: readonly Buffer[]): WholeAnswer {
  const body = Buffer.concat(frames);
  const headers = headersOf(incoming, "grpc-web", fields);
  headers["content-length"] = String(body.byteLength);
  return { status: 200, headers, body };
}
