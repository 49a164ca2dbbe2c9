// What a caller asks of the model in one turn, beside what its agent says.
import type { JsonObject } from "@bufbuild/protobuf";

export interface TurnOptions {
  /** In place of the agent's. Empty: the agent's. */
  readonly model: string;
  /** After those of the agent. May be empty. */
  readonly instructions: string;
  /** Fields of the request, under the names that OpenAI's Responses have. */
  readonly parameters: JsonObject;
}

export const NO_OPTIONS: TurnOptions = { model: "", instructions: "", parameters: {} };

/** What the turn's row holds; null: nothing is asked. */
export function optionsText({ model, instructions, parametersJson }: OptionsInput): string | null {
  if (model === "" && instructions === "" && parametersJson === "") return null;
  const parameters = parametersJson === "" ? {} : JSON.parse(parametersJson);
  // Well-formed JSON has no U+0000 that the column would refuse.
  return JSON.stringify({ model, instructions, parameters });
}

interface OptionsInput {
  readonly model: string;
  readonly instructions: string;
  readonly parametersJson: string;
}

export function readOptions(text: string | null): TurnOptions {
  return text === null ? NO_OPTIONS : (JSON.parse(text) as TurnOptions);
}

/** The agent's instructions and those of the turn. */
export function bothInstructions(own: string, { instructions }: TurnOptions = NO_OPTIONS): string {
  return [own, instructions].filter((text) => text.trim() !== "").join("\n\n");
}
