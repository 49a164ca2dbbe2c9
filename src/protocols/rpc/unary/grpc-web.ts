// Unary calls of gRPC-Web, whose trailers are the last frame of the body: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { WholeAnswer } from "../../../http/exchange.ts";
import { compressionOf, envelope, receiveOne } from "../envelope.ts";
import { statusTrailers } from "../grpc-status.ts";
import { isText, toText, wantsText } from "../web-text.ts";
import { headersOf } from "./grpc.ts";
import type { HeaderMap, Incoming, Protocol } from "./protocol.ts";

const TRAILERS = 0x80;
const OK = Buffer.from("grpc-status: 0\r\n");

export const grpcWeb: Protocol = {
  wire: "grpc-web",
  acceptHeader: "grpc-accept-encoding",
  requestEncoding: ({ exchange }) => exchange.header("grpc-encoding"),
  receive: (incoming, interrupt) =>
    receiveOne(incoming, interrupt, { skip: TRAILERS, text: isText((name) => incoming.exchange.header(name)) }),

  async succeed(incoming, message, fields) {
    const data = incoming.codec.encode(incoming.method, incoming.encoding, message);
    const compression = compressionOf(incoming);
    return answer(incoming, fields, [await envelope(data, 0, compression), await envelope(OK, TRAILERS, compression)]);
  },

  async fail(incoming, error, fields) {
    const trailers = trailerSerialize(statusTrailers(error));
    return answer(incoming, fields, [await envelope(trailers, TRAILERS, compressionOf(incoming))]);
  },
};

function answer(incoming: Incoming, fields: HeaderMap, frames: readonly Buffer[]): WholeAnswer {
  const text = wantsText((name) => incoming.exchange.header(name));
  const body = text ? frames.map(toText).join("") : Buffer.concat(frames);
  const headers = headersOf(incoming, text ? "grpc-web-text" : "grpc-web", fields);
  headers["content-length"] = String(body.length);
  return { status: 200, headers, body };
}
