// The server streams of gRPC-Web, whose trailers are the last frame of the body: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { compressionOf, envelope, receiveOne } from "../unary/envelope.ts";
import { headersOf } from "../unary/grpc.ts";
import { grpc } from "./grpc.ts";
import type { StreamProtocol } from "./protocol.ts";

export const grpcWeb: StreamProtocol = {
  ...grpc,
  wire: "grpc-web",
  trailing: false,
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, trailerFlag),
  headers: (incoming, fields) => headersOf(incoming, "grpc-web", fields),
  async end(incoming, error) {
    const trailers = trailerSerialize(setTrailerStatus(new Headers(), error));
    return { frame: await envelope(trailers, trailerFlag, compressionOf(incoming)) };
  },
};
