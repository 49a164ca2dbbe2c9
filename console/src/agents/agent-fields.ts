// The agent that a form describes.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Agent, AgentSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import type { FormFields } from "../ui/dialog-form.tsx";
import type { ConnectorCase } from "./agent-words.ts";

type AgentInit = MessageInitShape<typeof AgentSchema>;

/** What the form does not show, such as the parameters of a model, stays as it was. */
export function agentFrom(fields: FormFields, before?: Agent): AgentInit {
  const seconds = Number(fields.one("timeout"));
  return {
    name: fields.one("name"),
    description: fields.one("description"),
    credential: fields.one("credential"),
    disabled: fields.one("disabled") !== "",
    connector: connectorFrom(fields, before?.connector),
    ...(seconds > 0 && { timeout: durationFromMs(seconds * 1_000) }),
  };
}

/** The fields that an update changes. */
export function maskOf({ connector, credential }: AgentInit): { paths: string[] } {
  const paths = ["name", "description", "disabled", "timeout"];
  if (connector?.case !== undefined) paths.push(connector.case);
  if (credential) paths.push("credential");
  return { paths };
}

function connectorFrom(fields: FormFields, before: Agent["connector"] | undefined): AgentInit["connector"] {
  const wanted = fields.one("connector") as ConnectorCase;
  const given = { baseUrl: fields.one("baseUrl") };
  const model = { ...given, model: fields.one("model"), instructions: fields.one("instructions") };
  switch (wanted) {
    case "openai":
      return { case: wanted, value: before?.case === wanted ? { ...before.value, ...model } : model };
    case "anthropic":
      return { case: wanted, value: before?.case === wanted ? { ...before.value, ...model } : model };
    case "connect":
      return { case: wanted, value: before?.case === wanted ? { ...before.value, ...given } : given };
    case "a2a":
      return { case: wanted, value: given };
    case "echo":
      return { case: wanted, value: before?.case === wanted ? before.value : {} };
  }
}
