// The server streams of gRPC, which end with trailers: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import { compressionOf, receiveOne } from "../envelope.ts";
import { statusTrailers } from "../grpc-status.ts";
import { headersOf } from "../unary/grpc.ts";
import type { StreamProtocol } from "./protocol.ts";

export const grpc: StreamProtocol = {
  wire: "grpc",
  acceptHeader: "grpc-accept-encoding",
  trailing: true,
  requestEncoding: ({ exchange }) => exchange.header("grpc-encoding"),
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, { skip: 0 }),
  compression: compressionOf,
  isText: () => false,
  headers: (incoming, fields) => headersOf(incoming, "grpc", fields),
  end: (_, error) => ({ trailers: Object.fromEntries(statusTrailers(error)) }),
};
