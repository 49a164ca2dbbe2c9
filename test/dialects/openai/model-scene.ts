// OpenAI's own client on a server of ours, with a model behind it on a socket of its own.
import type { ServerResponse } from "node:http";
import OpenAI from "openai";
import { OpenAiApi } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import { startUpstream, type Upstream } from "../../support/services/upstream.ts";

export interface ModelScene {
  readonly dialect: DialectServer;
  readonly client: OpenAI;
  readonly upstream: Upstream;
  readonly baseURL: string;
  readonly apiKey: string;
  close(): Promise<void>;
}

/** Agents: `openai` speaks Chat Completions, `thinker` Responses, `echo` nothing. */
export async function startModelScene(environment: Readonly<Record<string, string>> = {}): Promise<ModelScene> {
  const upstream = await startUpstream();
  const dialect = await startDialects("openai", { COLLOQUY_AGENT_PRIVATE: "yes", ...environment });
  const admin = (await dialect.tenant.key("read", "write", "admin")).credential;
  const agents = dialect.server.client(AgentService, admin);
  const at = (api: OpenAiApi) => ({ case: "openai", value: { baseUrl: upstream.url, model: "base", api } }) as const;
  await agents.createAgent({ agent: { name: "openai", connector: at(OpenAiApi.CHAT) } });
  await agents.createAgent({ agent: { name: "thinker", connector: at(OpenAiApi.RESPONSES) } });
  await agents.createAgent({ agent: { name: "echo", connector: { case: "echo", value: {} } } });
  const baseURL = `${dialect.server.url}/openai/v1`;
  const apiKey = (await dialect.tenant.key("read", "write")).text;
  return {
    dialect,
    upstream,
    baseURL,
    apiKey,
    client: new OpenAI({ baseURL, apiKey, maxRetries: 0 }),
    async close() {
      await dialect.close();
      await upstream.close();
    },
  };
}

/** Begins a stream of events. */
function stream(response: ServerResponse): void {
  if (!response.headersSent) response.writeHead(200, { "content-type": "text/event-stream" });
}

/** Chunks of Chat Completions. */
export function chunk(response: ServerResponse, delta: object, finish: string | null = null): void {
  stream(response);
  const choices = [{ index: 0, delta, finish_reason: finish }];
  response.write(
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "base-1", choices })}\n\n`,
  );
}

export function finishChat(response: ServerResponse, finish = "stop"): void {
  chunk(response, {}, finish);
  const usage = {
    prompt_tokens: 11,
    completion_tokens: 7,
    prompt_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 },
    completion_tokens_details: { reasoning_tokens: 2 },
  };
  response.write(
    `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "base-1", choices: [], usage })}\n\n`,
  );
  response.end("data: [DONE]\n\n");
}

/** Says words over Chat Completions, each in a chunk of its own. */
export function says(...words: readonly string[]) {
  return (response: ServerResponse) => {
    for (const content of words) chunk(response, { content });
    finishChat(response);
  };
}

/** Calls tools over Chat Completions. */
export function callsTools(...calls: readonly { id: string; name: string; arguments: string }[]) {
  return (response: ServerResponse) => {
    for (const [index, { id, name, arguments: args }] of calls.entries()) {
      chunk(response, { tool_calls: [{ index, id, type: "function", function: { name, arguments: "" } }] });
      const half = Math.ceil(args.length / 2);
      for (const part of [args.slice(0, half), args.slice(half)]) {
        chunk(response, { tool_calls: [{ index, function: { arguments: part } }] });
      }
    }
    finishChat(response, "tool_calls");
  };
}

/** Events of Responses, numbered, with what ends them. */
export function responds(output: readonly object[], events: readonly object[], status = "completed") {
  return (response: ServerResponse) => {
    stream(response);
    const usage = {
      input_tokens: 5,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 6,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 11,
    };
    const whole = { id: "resp_up", object: "response", status, output, usage, model: "think-1" };
    const all = [...events, { type: `response.${status}`, response: whole }];
    for (const [sequence_number, event] of all.entries()) {
      response.write(`data: ${JSON.stringify({ sequence_number, ...event })}\n\n`);
    }
    response.end();
  };
}
