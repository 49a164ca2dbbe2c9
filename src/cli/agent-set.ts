// `agent set`: creates the agent with a name, or updates it.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Agent, AgentSchema, OpenAiApi } from "../../gen/colloquy/v1/agent_pb.ts";
import { openSealer } from "../agents/secrets/sealing-key.ts";
import { operatorKeys } from "../domain/secrets/operator-keys.ts";
import { setAgent } from "../services/agents/set-agent.ts";
import { createKeyRing } from "../store/keys/server-keys.ts";
import { type Invocation, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

type Words = Readonly<Record<string, string | undefined>>;

export async function run(invocation: Invocation): Promise<void> {
  const words = invocation.options as Words;
  if (!words.name) throw new UsageError("--name: must be set");
  const agent = agentOf(words, words.name);
  const { config, signal } = invocation;
  const { dataDir, agents } = config;
  const id = await withDatabase(invocation, "command", async ({ database }) => {
    const operator = operatorKeys(agents);
    const ring = createKeyRing(database, "sealing", operator);
    const rules = {
      sealer: await openSealer({ ring, dataDir, operator }),
      allowPrivate: agents.allowPrivate,
    };
    return database.transaction(signal, async (tx) => {
      const caller = commandCaller(await tenantNamed(tx, words.tenant ?? "default"));
      return setAgent(tx, caller, COMMAND_ORIGIN, agent, rules);
    });
  });
  invocation.print(id);
}

function agentOf(words: Words, name: string): Agent {
  return create(AgentSchema, { name, credential: words.credential ?? "", connector: connectorOf(words) });
}

function connectorOf({
  connector,
  url = "",
  model = "",
  api = "chat",
}: Words): NonNullable<MessageInitShape<typeof AgentSchema>["connector"]> {
  switch (connector) {
    case "echo":
      return { case: "echo", value: {} };
    case "openai":
      if (model === "") throw new UsageError("--model: must be the name of a model");
      return { case: "openai", value: { baseUrl: url, model, api: apiOf(api) } };
    case "anthropic":
      if (model === "") throw new UsageError("--model: must be the name of a model");
      return { case: "anthropic", value: { baseUrl: url, model } };
    case "connect":
      if (url === "") throw new UsageError("--url: must be the base URL of the agent");
      return { case: "connect", value: { baseUrl: url } };
    case "a2a":
      if (url === "") throw new UsageError("--url: must be the URL of the agent, or of its card");
      return { case: "a2a", value: { baseUrl: url } };
    default:
      throw new UsageError("--connector: must be echo, openai, anthropic, connect or a2a");
  }
}

function apiOf(api: string): OpenAiApi {
  switch (api) {
    case "chat":
      return OpenAiApi.UNSPECIFIED;
    case "responses":
      return OpenAiApi.RESPONSES;
    default:
      throw new UsageError("--api: must be chat or responses");
  }
}
