// A caller's options for the model in one turn.
import type { JsonObject } from "@bufbuild/protobuf";
import { invalidField } from "../errors.ts";
import { jsonFault } from "../parts/json-text.ts";

export interface TurnOptions {
  /** In place of the agent's. Empty: the agent's. */
  readonly model: string;
  /** After those of the agent. May be empty. */
  readonly instructions: string;
  /** Fields of the request, under the names that OpenAI's Responses have. */
  readonly parameters: JsonObject;
  /** What the caller's application knows. Undefined: nothing. */
  readonly context?: readonly ContextItem[];
}

export interface ContextItem {
  readonly description: string;
  readonly value: string;
}

export const NO_OPTIONS: TurnOptions = { model: "", instructions: "", parameters: {} };

/** Maximum total size of an application's context, in bytes. */
const MAX_CONTEXT_BYTES = 256 * 1024;

/** Throws INVALID_FIELD for parameters that are not a JSON object, and for too much context. */
export function checkOptions({ parametersJson, context }: OptionsInput): void {
  if (parametersJson !== "") {
    const [rule, description] = jsonFault(parametersJson, "object") ?? [];
    if (description !== undefined) throw invalidField("options.parameters_json", description, rule ?? "json");
  }
  const bytes = context.reduce(
    (sum, { description, value }) => sum + Buffer.byteLength(description) + Buffer.byteLength(value),
    0,
  );
  if (bytes > MAX_CONTEXT_BYTES) {
    throw invalidField("options.context", `must be at most ${MAX_CONTEXT_BYTES} bytes in all`, "context.max_bytes");
  }
}

/** What the turn's row holds; null: nothing is asked. */
export function optionsText(options: OptionsInput): string | null {
  const { model, instructions, parametersJson } = options;
  const context = options.context.map(({ description, value }) => ({ description, value }));
  if (model === "" && instructions === "" && parametersJson === "" && context.length === 0) return null;
  const parameters = parametersJson === "" ? {} : JSON.parse(parametersJson);
  // Well-formed JSON has no U+0000 that the column would refuse.
  return JSON.stringify({ model, instructions, parameters, ...(context.length > 0 && { context }) });
}

interface OptionsInput {
  readonly model: string;
  readonly instructions: string;
  readonly parametersJson: string;
  readonly context: readonly ContextItem[];
}

export function readOptions(text: string | null): TurnOptions {
  return text === null ? NO_OPTIONS : (JSON.parse(text) as TurnOptions);
}

/** The agent's instructions and those of the turn, and after them what the caller's application knows. */
export function bothInstructions(own: string, { instructions, context = [] }: TurnOptions = NO_OPTIONS): string {
  const known = context.map(({ description, value }) => `${description}\n${value}`);
  return [own, instructions, ...known].filter((text) => text.trim() !== "").join("\n\n");
}
