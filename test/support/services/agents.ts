// Agents for tests: an endpoint that speaks OpenAI's Chat Completions, and a service that implements the agent
// contract.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  AgentService,
  type ReplyRequest,
  type ReplyResponseSchema,
} from "../../../gen/colloquy/agent/v1/agent_service_pb.ts";

export interface OpenAiCall {
  readonly headers: IncomingMessage["headers"];
  readonly body: { model: string; messages: { role: string; content: string }[]; [field: string]: unknown };
  readonly response: ServerResponse;
  /** Sends one piece of text. */
  say(text: string): void;
  /** Ends the reply as the API does. */
  finish(): void;
  /** Resolves when the caller has gone away. */
  readonly gone: Promise<void>;
}

export interface FakeOpenAi {
  readonly url: string;
  readonly calls: OpenAiCall[];
  /** Called for each request. */
  answer: (call: OpenAiCall, index: number) => unknown;
  close(): Promise<void>;
}

export async function startFakeOpenAi(): Promise<FakeOpenAi> {
  const fake: FakeOpenAi = {
    url: "",
    calls: [],
    answer: (call) => {
      call.say("Hello");
      call.finish();
    },
    close: async () => {},
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = (choice: unknown) => {
      if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
      const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice] };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    };
    const call: OpenAiCall = {
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
      response,
      say: (content) => send({ index: 0, delta: { content }, finish_reason: null }),
      finish: () => {
        send({ index: 0, delta: {}, finish_reason: "stop" });
        response.end("data: [DONE]\n\n");
      },
      gone: new Promise((resolve) => response.on("close", resolve)),
    };
    fake.calls.push(call);
    await fake.answer(call, fake.calls.length - 1);
  });
  const { url, close } = await listen(server);
  return Object.assign(fake, { url, close });
}

export interface FakeAgent {
  readonly url: string;
  /** The same over HTTP/2 without TLS, as gRPC needs it. */
  readonly h2Url: string;
  readonly calls: {
    readonly request: ReplyRequest;
    readonly authorization: string | null;
    readonly signal: AbortSignal;
  }[];
  answer: (request: ReplyRequest, signal: AbortSignal) => AsyncIterable<MessageInitShape<typeof ReplyResponseSchema>>;
  /** How many connections over HTTP/2 are open. */
  h2Connections: () => number;
  close(): Promise<void>;
}

export async function startFakeAgent(): Promise<FakeAgent> {
  const fake: FakeAgent = {
    url: "",
    h2Url: "",
    calls: [],
    async *answer() {
      yield { text: "Hello" };
    },
    h2Connections: () => 0,
    close: async () => {},
  };
  const handler = connectNodeAdapter({
    routes: (router) =>
      router.service(AgentService, {
        reply: (request, { requestHeader, signal }) => {
          fake.calls.push({ request, authorization: requestHeader.get("authorization"), signal });
          return fake.answer(request, signal);
        },
      }),
  });
  const [http1, http2] = await Promise.all([listen(createServer(handler)), listen(createHttp2Server(handler))]);
  const close = async () => void (await Promise.all([http1.close(), http2.close()]));
  return Object.assign(fake, { url: http1.url, h2Url: http2.url, h2Connections: http2.connections, close });
}

interface Listening {
  readonly url: string;
  readonly connections: () => number;
  close(): Promise<void>;
}

async function listen(server: Server | Http2Server): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
