// The registered agents, shown as models.
import type { ModelService } from "../../../gen/colloquy/compat/openai/v1/model_service_pb.ts";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService as Agents } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import type { Handlers } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** The contract bounds the list, which OpenAI's clients do not page through. */
const MAX_MODELS = 10_000;

export function createModelHandlers(canonical: Canonical): Handlers<typeof ModelService> {
  const { listAgents, getAgent } = Agents.method;
  return {
    async listModels(_request, context) {
      const data: ReturnType<typeof toModel>[] = [];
      let pageToken = "";
      do {
        const page = await canonical.call(context, listAgents, { pageToken, pageSize: 200 });
        data.push(...page.agents.map(toModel));
        pageToken = page.nextPageToken;
      } while (pageToken !== "" && data.length < MAX_MODELS);
      return { object: "list", data: data.slice(0, MAX_MODELS) };
    },

    async getModel({ model }, context) {
      const { agent } = await canonical.call(context, getAgent, { agentId: model });
      return agent === undefined ? {} : { model: toModel(agent) };
    },
  };
}

function toModel({ name, createTime }: Agent) {
  return { id: name, object: "model", created: Number(createTime?.seconds ?? 0n), ownedBy: "colloquy" };
}
