// Every way that a client can reach the server, as a transport for the same typed clients.
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { createRestTransport } from "./rest-transport.ts";

export const WIRES = ["connect", "connect json", "connect over h2", "grpc", "grpc-web", "rest"] as const;
export type Wire = (typeof WIRES)[number];

export interface Clients {
  readonly wire: Wire;
  readonly conversations: Client<typeof ConversationService>;
  readonly messages: Client<typeof MessageService>;
}

export function clientsOver(wire: Wire, baseUrl: string, headers: Readonly<Record<string, string>>): Clients {
  const transport = transportOver(wire, baseUrl, headers);
  return {
    wire,
    conversations: createClient(ConversationService, transport),
    messages: createClient(MessageService, transport),
  };
}

export function transportOver(wire: Wire, baseUrl: string, headers: Readonly<Record<string, string>>): Transport {
  const introduce: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
    return next(request);
  };
  const options = { baseUrl, interceptors: [introduce] };
  switch (wire) {
    case "connect":
      return createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: true });
    case "connect json":
      return createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false });
    case "connect over h2":
      return createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: true });
    case "grpc":
      return createGrpcTransport(options);
    case "grpc-web":
      return createGrpcWebTransport({ ...options, httpVersion: "1.1" });
    case "rest":
      return createRestTransport(baseUrl, headers);
  }
}
