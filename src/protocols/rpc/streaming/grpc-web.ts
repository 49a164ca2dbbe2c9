// The server streams of gRPC-Web, whose trailers are the last frame of the body: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { compressionOf, envelope, receiveOne } from "../envelope.ts";
import { statusTrailers } from "../grpc-status.ts";
import { headersOf } from "../unary/grpc.ts";
import { isText, toText, wantsText } from "../web-text.ts";
import { grpc } from "./grpc.ts";
import type { StreamProtocol } from "./protocol.ts";

export const grpcWeb: StreamProtocol = {
  ...grpc,
  wire: "grpc-web",
  trailing: false,
  receive: (incoming, interrupt) =>
    receiveOne(incoming, interrupt, { skip: trailerFlag, text: isText((name) => incoming.exchange.header(name)) }),
  isText: ({ exchange }) => wantsText((name) => exchange.header(name)),
  headers: (incoming, fields) => headersOf(incoming, grpcWeb.isText(incoming) ? "grpc-web-text" : "grpc-web", fields),
  async end(incoming, error) {
    const frame = await envelope(trailerSerialize(statusTrailers(error)), trailerFlag, compressionOf(incoming));
    return { frame: grpcWeb.isText(incoming) ? toText(frame) : frame };
  },
};
