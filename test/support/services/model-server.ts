// A model server that sends exactly the bytes that a test gives it, and a call of it as the connector makes it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Circuit } from "../../../src/agents/connectors/circuit-breaker.ts";
import type { AgentFailure } from "../../../src/agents/connectors/connector.ts";
import { createOpenAi } from "../../../src/agents/connectors/openai/openai.ts";
import { reply } from "../../../src/agents/turns/reply.ts";
import { FinishReason, MAX_RESPONSE_BYTES } from "../../../src/domain/turns/turn.ts";
import { createBoundedFetch } from "../../../src/outbound/bounded-fetch.ts";
import type { AgentRow } from "../../../src/store/agents/agents.ts";

export interface Asked {
  readonly text: string;
  /** The name of the reason; undefined where it failed. */
  readonly finish: string | undefined;
  readonly failure: AgentFailure | undefined;
  /** How often the server was asked. */
  readonly times: number;
}

export interface ModelServer {
  readonly url: string;
  /** What it answers with. */
  answer: (response: ServerResponse, request: IncomingMessage) => unknown;
  /** Asks it once, with the time limits, retries and circuit that hold for every agent. */
  ask(options?: { readonly idleMs?: number; readonly totalMs?: number; readonly circuit?: Circuit }): Promise<Asked>;
  close(): Promise<void>;
}

const FINISHES = new Map<number, string>(Object.entries(FinishReason).map(([name, value]) => [Number(value), name]));

export async function startModelServer(): Promise<ModelServer> {
  let times = 0;
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    times++;
    request.resume().on("end", () => own.answer(response, request));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const bounded = createBoundedFetch({ maxBytes: MAX_RESPONSE_BYTES });
  const connector = createOpenAi(bounded)({ settings: { baseUrl: url, model: "m" } } as unknown as AgentRow, undefined);
  const own: ModelServer = {
    url,
    answer: (response) => response.end(),
    async ask({ idleMs = 20_000, totalMs = 25_000, circuit = new Circuit() } = {}) {
      times = 0;
      const request = { messages: [{ role: 1, content: "hi" }], tools: [] } as never;
      let text = "";
      const pieces = reply(connector, request, { idleMs, totalMs }, circuit, new AbortController().signal);
      try {
        for (;;) {
          const next = await pieces.next();
          if (next.done) return { text, finish: FINISHES.get(next.value), failure: undefined, times };
          if (next.value.kind === "text") text += next.value.text;
        }
      } catch (error) {
        return { text, finish: undefined, failure: error as AgentFailure, times };
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await bounded.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return own;
}
