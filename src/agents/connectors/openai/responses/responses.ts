// Asks over Responses, with nothing stored there.
import type { JsonObject } from "@bufbuild/protobuf";
import type { OpenAiConnector } from "../../../../../gen/colloquy/v1/agent_pb.ts";
import type { AgentTool } from "../../../../domain/turns/agent-tool.ts";
import { schemaOf } from "../../tool-schema/tool-schema.ts";
import type { ModelApi } from "../model-api.ts";
import { answerable, inputOf } from "./input.ts";
import { ResponsesReply } from "./reply.ts";

const ENCRYPTED = "reasoning.encrypted_content";

export const responsesApi: ModelApi = {
  path: "/responses",
  options: [
    // A changed key or model cannot read the thoughts of the one before.
    {
      name: "thoughts",
      refused:
        /invalid_encrypted_content|encrypted content (?:for item )?\S* ?could not be|Item with id 'rs_|reasoning' item|input\[\d+\]\.id/i,
      isLasting: false,
    },
    // Models that do not think, and servers that do not know it.
    { name: "include", refused: /encrypted.content|["'`]include(\[\d+\])?["'`]/i, isLasting: true },
  ],
  parameters: (asked) => asked,
  body: (connector, items, tools, without) => ({
    ...parametersOf(connector, tools, without.has("include")),
    ...(connector.instructions !== "" && { instructions: connector.instructions }),
    input: answerable(inputOf(items, !without.has("thoughts") && !without.has("include"))),
    model: connector.model,
    stream: true,
    store: false,
  }),
  form: (taken) => new ResponsesReply({ taken }),
};

function parametersOf({ parameters }: OpenAiConnector, tools: readonly AgentTool[], isPlain: boolean): JsonObject {
  const {
    include,
    tools: own,
    conversation: _,
    previous_response_id: __,
    background: ___,
    stream_options: ____,
    ...rest
  } = parameters ?? {};
  const all = [...(Array.isArray(own) ? own : []), ...tools.map(toolOf)];
  const asked = [...new Set([...(Array.isArray(include) ? include : []), ...(isPlain ? [] : [ENCRYPTED])])];
  const included = isPlain ? asked.filter((one) => one !== ENCRYPTED) : asked;
  return { ...rest, ...(all.length > 0 && { tools: all }), ...(included.length > 0 && { include: included }) };
}

function toolOf(tool: AgentTool): JsonObject {
  const { name, description } = tool;
  // Strict schemas have rules of their own, which a tool's need not keep.
  return {
    type: "function",
    name,
    ...(description !== "" && { description }),
    parameters: schemaOf(tool),
    strict: false,
  };
}
