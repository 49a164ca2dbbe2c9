// The connector to services that implement colloquy.agent.v1.AgentService.
import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import {
  AgentService,
  ReplyRequestSchema,
  type ReplyResponse,
  ReplyResponseSchema,
  ToolSchema,
} from "../../../../gen/colloquy/agent/v1/agent_service_pb.ts";
import { AgentProtocol, type ConnectConnector, ConnectConnectorSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import { ContextItemSchema } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { HEARTBEAT } from "../../../domain/turns/reply-piece.ts";
import { MAX_RESPONSE_BYTES } from "../../../domain/turns/turn.ts";
import type { MessageRow } from "../../../store/messages/messages.ts";
import { checkHost, hostOf, publicLookup } from "../addresses.ts";
import { AgentFailure, type ConnectorFactory, type ReplyRequest } from "../connector.ts";
import { AgentReply } from "./agent-reply.ts";

/** A message with one part of 1 MiB, plus overhead. */
const MAX_PIECE_BYTES = 1024 * 1024 + 4096;
/** The same with one file, which is stored. */
const READ_MAX_BYTES = 12 * 1024 * 1024 + 4096;
/** Bytes counted for a message in addition to its content, so that empty ones are limited too. */
const MESSAGE_COST = 512;

export interface ConnectOptions {
  readonly allowPrivate: boolean;
  /** Converts a stored message to one of the contract. */
  readonly toMessage: (row: MessageRow) => import("../../../../gen/colloquy/v1/message_pb.ts").Message;
  /** Headers that go with each request, such as those of a trace. Default: none. */
  readonly extraHeaders?: (() => Readonly<Record<string, string>>) | undefined;
}

export function createConnect({ allowPrivate, toMessage, extraHeaders }: ConnectOptions): ConnectorFactory {
  return ({ name, settings }, credential) => {
    const connector = fromJson(ConnectConnectorSchema, settings);
    return async function* (request, signal) {
      const { transport, close } = openTransport(connector, allowPrivate, {
        credential,
        extra: extraHeaders?.() ?? {},
      });
      const client = createClient(AgentService, transport);
      try {
        if (!allowPrivate) checkHost(hostOf(new URL(connector.baseUrl)));
        let left = MAX_RESPONSE_BYTES;
        const reply = new AgentReply(request.tools.map((tool) => tool.name));
        for await (const response of client.reply(requestOf(name, request, toMessage), { signal })) {
          const bytes = toBinary(ReplyResponseSchema, response).length;
          if (bytes > MAX_PIECE_BYTES && !hasFile(response)) {
            throw new AgentFailure("the agent sent a piece of more than 1 MiB that is no file", { health: "up" });
          }
          left -= bytes + MESSAGE_COST;
          if (left < 0) throw new AgentFailure("the agent sent more than a reply may have", { health: "up" });
          const pieces = reply.take(response);
          if (pieces.length === 0) yield HEARTBEAT;
          else yield* pieces;
        }
        const { pieces, finish } = reply.end();
        yield* pieces;
        return finish;
      } catch (error) {
        signal.throwIfAborted();
        throw failureOf(error);
      } finally {
        close();
      }
    };
  };
}

function hasFile({ piece }: ReplyResponse): boolean {
  return piece.case === "part" && (piece.value.content.case === "file" || piece.value.content.case === "toolResult");
}

function requestOf(agentName: string, request: ReplyRequest, toMessage: ConnectOptions["toMessage"]) {
  const { tenantId, conversationId, turnId, mode, metadata, persona, profileInfo, options, stateJson } = request;
  return create(ReplyRequestSchema, {
    tenantId,
    conversationId,
    turnId,
    agentName,
    messages: request.messages.map(toMessage),
    mode,
    tools: request.tools.map(({ name, description, inputSchemaJson, needsApproval }) =>
      create(ToolSchema, { name, description, inputSchemaJson, needsApproval }),
    ),
    instructions: options?.instructions ?? "",
    context: (options?.context ?? []).map((item) => create(ContextItemSchema, item)),
    stateJson,
    ...(metadata && { metadata }),
    ...(persona && { persona }),
    ...(profileInfo && { profileInfo }),
  });
}

interface OpenTransport {
  readonly transport: Transport;
  /** Closes its connections. */
  close(): void;
}

function openTransport(
  { baseUrl, protocol }: ConnectConnector,
  allowPrivate: boolean,
  { credential, extra }: { readonly credential: string | undefined; readonly extra: Readonly<Record<string, string>> },
): OpenTransport {
  const identify: Interceptor = (next) => (request) => {
    for (const [name, value] of Object.entries(extra)) request.header.set(name, value);
    if (credential !== undefined) request.header.set("authorization", `Bearer ${credential}`);
    return next(request);
  };
  const lookup = allowPrivate ? {} : { lookup: publicLookup };
  const options = { baseUrl, interceptors: [identify], readMaxBytes: READ_MAX_BYTES };
  if (protocol !== AgentProtocol.GRPC) {
    // Node closes idle connections of its own agent.
    const transport = createConnectTransport({ ...options, httpVersion: "1.1", nodeOptions: lookup });
    return { transport, close: () => {} };
  }
  // Otherwise the connection would stay open for a quarter of an hour and keep the process alive.
  const sessionManager = new Http2SessionManager(baseUrl, undefined, lookup);
  return { transport: createGrpcTransport({ ...options, sessionManager }), close: () => sessionManager.abort() };
}

function failureOf(error: unknown): AgentFailure {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof AgentFailure) return at;
  }
  const { code } = ConnectError.from(error);
  return new AgentFailure(`the agent failed with ${Code[code] ?? "an error"}`, {
    retryable: RETRYABLE.has(code),
    health: DOWN.has(code) ? "down" : "up",
    cause: error,
  });
}

const RETRYABLE: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Unknown,
  Code.Internal,
  Code.Aborted,
  Code.ResourceExhausted,
]);

/** Codes that mean the agent is down, overloaded or broken, for all conversations. */
const DOWN: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Unknown,
  Code.Internal,
  Code.DeadlineExceeded,
  Code.ResourceExhausted,
  Code.Unimplemented,
]);
