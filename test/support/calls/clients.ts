// Clients of the three protocols over real sockets, the same for all tests.
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { EchoService } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { TOKEN } from "../servers/echo-server.ts";

export const PROTOCOLS = ["connect", "grpc", "grpc-web"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface TransportChoice {
  /** Default: "2". gRPC is always over HTTP/2. */
  readonly httpVersion?: "1.1" | "2";
  readonly json?: boolean;
  /** Default: a good one. Null: none. */
  readonly token?: string | null;
}

export function transportTo(baseUrl: string, protocol: Protocol, choice: TransportChoice = {}): Transport {
  const { httpVersion = "2", json = false, token = TOKEN } = choice;
  const authenticate: Interceptor = (next) => (request) => {
    if (token !== null) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const options = { baseUrl, useBinaryFormat: !json, interceptors: [authenticate] };
  switch (protocol) {
    case "connect":
      return createConnectTransport({ ...options, httpVersion });
    case "grpc":
      return createGrpcTransport(options);
    case "grpc-web":
      return createGrpcWebTransport({ ...options, httpVersion });
  }
}

export function echoClient(url: string, protocol: Protocol, choice?: TransportChoice): Client<typeof EchoService> {
  return createClient(EchoService, transportTo(url, protocol, choice));
}
