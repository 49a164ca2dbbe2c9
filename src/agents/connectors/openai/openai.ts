// The connector to endpoints with OpenAI's Chat Completions or Responses.
import { create, fromJson } from "@bufbuild/protobuf";
import { OpenAiApi, type OpenAiConnector, OpenAiConnectorSchema } from "../../../../gen/colloquy/v1/agent_pb.ts";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import { bothInstructions, type TurnOptions } from "../../../domain/turns/turn-options.ts";
import type { BoundedFetch } from "../../../outbound/bounded-fetch.ts";
import { AgentFailure, type ConnectorFactory } from "../connector.ts";
import { failureOf, isObject, refusedWith } from "../failures.ts";
import { fixedBytes, withinBudget } from "../history/budget.ts";
import { agentSender, itemsOf } from "../history/items.ts";
import { cutsOff, isTooLong, shortened } from "../history/too-long.ts";
import { readSchemas } from "../tool-schema/tool-schema.ts";
import { chatApi } from "./chat/chat.ts";
import type { ModelApi } from "./model-api.ts";
import { readBody } from "./read-body.ts";
import { responsesApi } from "./responses/responses.ts";
import { TOO_MANY_TOOLS, withFirstTools } from "./too-many-tools.ts";

export const OPENAI_URL = "https://api.openai.com/v1";

/** Bytes read of a response that is not a reply. */
const MAX_REFUSAL_BYTES = 16_384;
/** Maximum number of agents whose refused options are remembered; the oldest is forgotten first. */
const MAX_REMEMBERED = 10_000;

/** @param bounded connects to allowed addresses only */
export function createOpenAi({ fetch }: Pick<BoundedFetch, "fetch">): ConnectorFactory {
  const refusedBy = new Map<string, ReadonlySet<string>>();
  const remember = (agent: string, options: ReadonlySet<string>) => {
    refusedBy.set(agent, options);
    for (const oldest of refusedBy.keys()) {
      if (refusedBy.size <= MAX_REMEMBERED) break;
      refusedBy.delete(oldest);
    }
  };
  return ({ id, version, settings }, credential) => {
    const own = fromJson(OpenAiConnectorSchema, settings);
    const api = own.api === OpenAiApi.RESPONSES ? responsesApi : chatApi;
    const agent = `${id}/${version}`;
    const url = below(own.baseUrl || OPENAI_URL, api.path);
    const headers = {
      "content-type": "application/json",
      accept: "text/event-stream, application/json",
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
    };
    return async function* ({ messages, tools: all, options, files }, signal) {
      const connector = options === undefined ? own : asAsked(own, api, options);
      const tools = options === undefined ? all : beside(all, options);
      await readSchemas(tools);
      const fixed = fixedBytes(connector.instructions, tools);
      let items = withinBudget(itemsOf(messages, agentSender(id)), connector.maxContextTokens, fixed);
      const taken = items.flatMap((item) => (item.kind === "call" ? [item.callId] : []));
      const without = new Set(refusedBy.get(agent));
      try {
        for (;;) {
          const asked = api.body(connector, items, tools, without);
          const json = JSON.stringify(without.has(TOO_MANY_TOOLS.name) ? withFirstTools(asked) : asked);
          const body = files?.bodyOf(json) ?? json;
          const response = await fetch(url, { method: "POST", headers, body, signal });
          if (response.status === 200) return yield* readBody(response.body, api.form(taken), signal);
          const refusal = await response.start(MAX_REFUSAL_BYTES);
          const option = [...api.options, TOO_MANY_TOOLS].find(
            ({ name, refused }) => !without.has(name) && refused.test(refusal),
          );
          if (option === undefined) {
            const shorter = cutsOff(options) && isTooLong(refusal) && shortened(items, fixed);
            if (!shorter) throw refusedWith(response, refusal);
            items = shorter;
            continue;
          }
          without.add(option.name);
          if (option.isLasting) remember(agent, new Set([...(refusedBy.get(agent) ?? []), option.name]));
        }
      } catch (error) {
        signal.throwIfAborted();
        throw error instanceof AgentFailure ? error : failureOf(error);
      }
    };
  };
}

/** The connector with what is asked of it in one turn. */
function asAsked(own: OpenAiConnector, api: ModelApi, options: TurnOptions): OpenAiConnector {
  const { truncation: _, ...asked } = options.parameters;
  const { tools, ...parameters } = api.parameters(asked);
  const { tools: before } = own.parameters ?? {};
  const both = [before, tools].flatMap((some) => (Array.isArray(some) ? some : []));
  return create(OpenAiConnectorSchema, {
    ...own,
    model: options.model || own.model,
    instructions: bothInstructions(own.instructions, options),
    parameters: { ...own.parameters, ...parameters, ...(both.length > 0 && { tools: both }) },
  });
}

/** The tools that are not among those which the caller wrote in the endpoint's own words. */
function beside(tools: readonly AgentTool[], { parameters }: TurnOptions): readonly AgentTool[] {
  const { tools: asked } = parameters;
  const names = new Set(Array.isArray(asked) ? asked.map((tool) => (isObject(tool) ? tool.name : undefined)) : []);
  return tools.filter(({ name, place }) => place !== "client" || !names.has(name));
}

/** Keeps the query: Azure requires its `api-version` there. */
function below(baseUrl: string, path: string): string {
  const url = new URL(baseUrl);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  return url.href;
}
