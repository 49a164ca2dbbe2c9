// A model provider on a real socket: it records requests and sends exactly the bytes that a test gives it. Also its
// reply as the items that a turn would store.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { AgentFailure, ConnectorFactory, ReplyRequest } from "../../../src/agents/connectors/connector.ts";
import type { AgentTool } from "../../../src/domain/turns/agent-tool.ts";
import type { ReplyPiece } from "../../../src/domain/turns/reply-piece.ts";
import { FinishReason, MAX_RESPONSE_BYTES } from "../../../src/domain/turns/turn.ts";
import { type BoundedFetch, createBoundedFetch } from "../../../src/outbound/bounded-fetch.ts";
import type { AgentRow } from "../../../src/store/agents/agents.ts";
import type { MessageRow } from "../../../src/store/messages/messages.ts";

export interface UpstreamCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they like
  readonly body: any;
}

export interface Upstream {
  readonly url: string;
  readonly calls: UpstreamCall[];
  readonly bounded: BoundedFetch;
  /** Answers a call; the number counts from 0. */
  answer: (response: ServerResponse, call: UpstreamCall, index: number) => unknown;
  close(): Promise<void>;
}

export async function startUpstream(): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The caller broke off.
      return;
    }
    const call = {
      path: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    };
    own.calls.push(call);
    await own.answer(response, call, own.calls.length - 1);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bounded = createBoundedFetch({ maxBytes: MAX_RESPONSE_BYTES });
  const own: Upstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    bounded,
    answer: (response) => response.end(),
    async close() {
      for (const socket of sockets) socket.destroy();
      await bounded.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return own;
}

/** A reply as items: what a turn would store of it. */
export interface Heard {
  readonly items: object[];
  readonly finish: string | undefined;
  readonly usage: object | undefined;
  readonly failure: AgentFailure | undefined;
}

const FINISHES = new Map<number, string>(Object.entries(FinishReason).map(([name, value]) => [Number(value), name]));

export async function heard(pieces: AsyncGenerator<ReplyPiece, FinishReason>): Promise<Heard> {
  const items: { [field: string]: unknown }[] = [];
  let usage: object | undefined;
  const result = (finish?: string, failure?: AgentFailure) => ({ items, finish, usage, failure });
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done) return result(FINISHES.get(next.value));
      const piece = next.value;
      const last = items.at(-1);
      switch (piece.kind) {
        case "text":
        case "reasoning":
          if (last && piece.kind in last && !("ended" in last)) last[piece.kind] += piece.text;
          else items.push({ [piece.kind]: piece.text });
          break;
        case "reasoning_end": {
          const { kind: _, ...ended } = piece;
          if (last && "reasoning" in last && !("ended" in last)) last.ended = ended;
          else items.push({ reasoning: "", ended });
          break;
        }
        case "tool_call": {
          const { kind: _, name, callId, ...more } = piece;
          items.push({ call: name, id: callId, arguments: "", ...more });
          break;
        }
        case "arguments":
          if (last?.id !== piece.callId) throw new Error(`arguments of ${piece.callId} outside its call`);
          last.arguments += piece.text;
          break;
        case "annotation":
          items.push({ annotation: piece.annotation });
          break;
        case "part":
          items.push({ part: piece.part.content.value, kind: piece.part.content.case, entry: piece.entry });
          break;
        case "usage": {
          const { kind: _, ...counts } = piece;
          usage = counts;
        }
      }
    }
  } catch (error) {
    return result(undefined, error as AgentFailure);
  }
}

export interface Question {
  readonly settings?: object;
  readonly credential?: string;
  readonly messages?: readonly Partial<MessageRow>[];
  readonly tools?: readonly AgentTool[];
  readonly options?: ReplyRequest["options"];
  readonly files?: ReplyRequest["files"];
  readonly signal?: AbortSignal;
}

export const AGENT_ID = "0198c0de-0000-7000-8000-000000000001";

/** Asks an upstream once through a connector. */
export function ask(
  factory: ConnectorFactory,
  { settings, credential, messages, tools = [], options, files, signal }: Question,
): Promise<Heard> {
  const agent = { id: AGENT_ID, name: "a", version: 1, settings } as unknown as AgentRow;
  const place = { tenantId: "t", conversationId: "c", turnId: "u", mode: "" };
  const request = {
    ...place,
    messages: messages ?? [{ role: 1, content: "hi" }],
    tools,
    options,
    files,
  } as unknown as ReplyRequest;
  return heard(factory(agent, credential)(request, signal ?? new AbortController().signal));
}

/** Cuts bytes at random places, and between all of them. */
export async function* inChunks(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, two) => one - two);
  for (const [index, from] of [0, ...at].entries()) yield bytes.subarray(from, at[index] ?? bytes.length);
}
