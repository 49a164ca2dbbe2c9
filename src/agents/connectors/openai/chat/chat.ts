// Asks over Chat Completions.
import type { JsonObject } from "@bufbuild/protobuf";
import { type OpenAiConnector, ReasoningHistory } from "../../../../../gen/colloquy/v1/agent_pb.ts";
import type { AgentTool } from "../../../../domain/turns/agent-tool.ts";
import { isObject } from "../../failures.ts";
import { schemaOf } from "../../tool-schema/tool-schema.ts";
import type { ModelApi } from "../model-api.ts";
import { historyOf, type ThoughtsTold } from "./history.ts";
import { chatParameters } from "./parameters.ts";
import { ChatReply } from "./reply.ts";

export const chatApi: ModelApi = {
  path: "/chat/completions",
  options: [{ name: "stream_options", refused: /stream_options|include_usage/i, isLasting: true }],
  parameters: chatParameters,
  body: (connector, items, tools, without) => ({
    ...parametersOf(connector, tools),
    messages: historyOf(connector.instructions, items, {
      thoughts: TOLD[connector.reasoningHistory],
      customTools: customTools(connector),
    }) as never,
    model: connector.model,
    stream: true,
    ...(!without.has("stream_options") && { stream_options: { include_usage: true } }),
  }),
  form: (taken) => new ChatReply({ taken }),
};

const TOLD: { readonly [told in ReasoningHistory]?: ThoughtsTold } = {
  [ReasoningHistory.NONE]: "none",
  [ReasoningHistory.ALL]: "all",
};

/** Their names. */
function customTools({ parameters }: OpenAiConnector): Set<string> {
  const { tools } = parameters ?? {};
  const names = (Array.isArray(tools) ? tools : []).flatMap((tool) =>
    isObject(tool) && isObject(tool.custom) && typeof tool.custom.name === "string" ? [tool.custom.name] : [],
  );
  return new Set(names);
}

function parametersOf({ parameters }: OpenAiConnector, tools: readonly AgentTool[]): JsonObject {
  const { stream_options: _, n: __, tools: own, ...rest } = parameters ?? {};
  const all = [...(Array.isArray(own) ? own : []), ...tools.map(toolOf)];
  // An empty list is refused by some.
  return all.length === 0 ? rest : { ...rest, tools: all };
}

function toolOf(tool: AgentTool): JsonObject {
  const { name, description } = tool;
  return {
    type: "function",
    function: { name, ...(description !== "" && { description }), parameters: schemaOf(tool) },
  };
}
