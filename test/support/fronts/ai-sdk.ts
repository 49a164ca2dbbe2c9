// AI SDK's own clients, versions 7 and 6, and a server with a scripted agent.
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import * as seven from "ai";
import * as six from "ai-6";
import type { ReplyRequest, ReplyResponseSchema } from "../../../gen/colloquy/agent/v1/agent_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../servers/identity-server.ts";
import { type FakeAgent, startFakeAgent } from "../services/agents.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages and chunks as they like
export type Any = any;
export type Version = 7 | 6;
export const VERSIONS: readonly Version[] = [7, 6];

type Piece = MessageInitShape<typeof ReplyResponseSchema>;
export type Call = (request: ReplyRequest, signal: AbortSignal) => AsyncIterable<Piece>;

export interface ChatServer {
  readonly server: IdentityServer;
  readonly tenant: IdentityTenant;
  readonly agent: FakeAgent;
  /** The agent's calls to come, in order; after the last it says "Hello". */
  readonly script: Call[];
  /** Of a member. */
  readonly credential: Credential;
  readonly admin: Credential;
  close(): Promise<void>;
}

export async function startChats(
  tools: object[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ChatServer> {
  const agent = await startFakeAgent();
  const script: Call[] = [];
  agent.answer = (request, signal) => (script.shift() ?? says({ text: "Hello" }))(request, signal);
  const server = await startIdentityServer({
    environment: { COLLOQUY_COMPAT: "aisdk", COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_HEARTBEAT: "1", ...environment },
  });
  const tenant = await server.tenant();
  const admin = (await tenant.key("read", "write", "admin")).credential;
  const connector = { case: "connect", value: { baseUrl: agent.url } } as const;
  await server.client(AgentService, admin).createAgent({ agent: { name: "default", connector, tools } });
  await tenant.addMember("alice");
  const credential = await tenant.token("alice");
  const close = async () => {
    await server.close();
    await agent.close();
  };
  return { server, tenant, agent, script, credential, admin, close };
}

/** A call of the agent that gives these pieces at once. */
export function says(...pieces: readonly (Piece | readonly Piece[])[]): Call {
  return async function* () {
    yield* pieces.flat() as Piece[];
  };
}

/** A call that fails before its first word; the agent is asked once more then. */
// biome-ignore lint/correctness/useYield: it never gets that far
export const fails: Call = async function* () {
  throw new Error("out of order");
};

export const thought = (value: string): Piece => ({ piece: { case: "reasoning", value } });

/** A call of a tool with its arguments in two pieces. */
export function calls(callId: string, name: string, args = "{}"): Piece[] {
  const half = Math.ceil(args.length / 2);
  return [
    { piece: { case: "toolCall", value: { callId, name } } },
    { piece: { case: "arguments", value: { callId, text: args.slice(0, half) } } },
    { piece: { case: "arguments", value: { callId, text: args.slice(half) } } },
  ];
}

/** A call that says a part, and the rest once it is told to. */
export function pauses(first: readonly Piece[], rest: readonly Piece[] = []) {
  const asked = Promise.withResolvers<AbortSignal>();
  const told = Promise.withResolvers<void>();
  const call: Call = async function* (_, signal) {
    yield* first;
    asked.resolve(signal);
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([told.promise, stopped]);
    if (!signal.aborted) yield* rest;
  };
  return { call, asked: asked.promise, goOn: () => told.resolve() };
}

/** The state of a chat, as frameworks keep one. */
class State {
  status = "ready";
  error: Error | undefined = undefined;
  messages: Any[];
  constructor(messages: Any[]) {
    this.messages = messages;
  }
  pushMessage = (message: Any) => {
    this.messages = [...this.messages, structuredClone(message)];
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index: number, message: Any) => {
    this.messages = this.messages.with(index, structuredClone(message));
  };
  snapshot = (thing: Any) => structuredClone(thing);
}

export interface ChatOptions {
  readonly id?: string;
  readonly messages?: Any[];
  readonly query?: string;
  readonly credential?: Credential;
  /** The chunks that arrive, and what the transport asked for. */
  readonly fetch?: typeof fetch;
  readonly init?: object;
  readonly transport?: object;
  readonly url?: string;
}

/** A chat of one of the versions. */
export function chatOf(server: ChatServer, version: Version, options: ChatOptions = {}): Any {
  const {
    id = randomUUID(),
    messages = [],
    query = "",
    credential = server.credential,
    init = {},
    transport = {},
  } = options;
  const ai: Any = version === 7 ? seven : six;
  const api = `${options.url ?? server.server.url}/api/chat?version=${version}${query}`;
  const made = new ai.DefaultChatTransport({
    api,
    headers: credential,
    ...(options.fetch && { fetch: options.fetch }),
    ...transport,
  });
  class Chat extends ai.AbstractChat {}
  return new (Chat as Any)({ id, state: new State(messages), transport: made, ...init });
}

/** What the server has of a chat. */
export async function historyOf(server: ChatServer, id: string, credential = server.credential): Promise<Any> {
  const response = await fetch(`${server.server.url}/api/chat/${encodeURIComponent(id)}/messages`, {
    headers: credential,
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The chunks of the stream; `[DONE]` as a text. */
  readonly chunks: Any[];
}

/** A request by hand, read to its end. */
export async function request(
  server: ChatServer,
  method: string,
  path: string,
  body?: unknown,
  credential: Credential = server.credential,
): Promise<Posted> {
  const response = await fetch(`${server.server.url}${path}`, {
    method,
    headers: { ...credential, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, chunks: chunksOf(text) };
}

export function chunksOf(text: string): Any[] {
  // U+2028 ends no line here.
  const lines = text.split("\n").filter((line) => line.startsWith("data: "));
  const data = lines.map((line) => line.slice(6));
  return data.map((one) => (one === "[DONE]" ? one : JSON.parse(one)));
}

export function post(server: ChatServer, body: unknown, query = "", credential?: Credential): Promise<Posted> {
  return request(server, "POST", `/api/chat${query}`, body, credential);
}

export const user = (text: string, id: string = randomUUID()) => ({
  id,
  role: "user",
  parts: [{ type: "text", text }],
});
