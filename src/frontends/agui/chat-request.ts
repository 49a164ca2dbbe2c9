// What a run sends on in a request of the services, and their errors in the names of what was posted.
import { create } from "@bufbuild/protobuf";
import { type AgentTool, AgentToolSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { DomainError } from "../../domain/errors.ts";
import type { PostedTool } from "./input.ts";

/** The tools that the client runs. */
export function toTools(tools: readonly PostedTool[]): AgentTool[] {
  return tools.map(({ name, description, parameters }) =>
    create(AgentToolSchema, {
      name,
      description: description ?? "",
      ...(parameters != null && { inputSchemaJson: JSON.stringify(parameters) }),
      runs: { case: "client", value: {} },
    }),
  );
}

/** Settles as the promise does; broken rules then name the place in `messages` and `tools`. */
export async function inPosted<T>(promise: Promise<T>, placeOf: (index: number) => number): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof DomainError) || error.details.violations === undefined) throw error;
    const violations = error.details.violations.map((one) => ({ ...one, field: fieldOf(one.field, placeOf) }));
    const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new DomainError(error.reason, text, { ...error.details, violations });
  }
}

function fieldOf(field: string, placeOf: (index: number) => number): string {
  const [, index, rest = ""] = /^messages?(?:\[(\d+)\])?\.(.*)$/.exec(field) ?? [];
  if (rest === "") {
    return field
      .replace(".input_schema_json", ".parameters")
      .replace(/^conversation\.agent$/, "agent")
      .replace(/^state_json$/, "state")
      .replace(/^options\.context/, "context");
  }
  const name = rest
    .replace(/^client_id/, "id")
    .replace(/^parts/, "content")
    .replace(/^file\b/, "source");
  return `messages[${placeOf(Number(index ?? 0))}].${name}`;
}
