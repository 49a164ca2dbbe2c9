// A model's reasoning in chat completions, which each server names differently.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../failures.ts";
import type { Thought } from "../../history/items.ts";

/** The names under which servers send them as text, in the order in which one counts where several say the same. */
const TEXT_FIELDS = ["reasoning_content", "reasoning", "reasoning_text", "thinking"] as const;
export const THOUGHT_FIELDS = [...TEXT_FIELDS, "reasoning_details"] as const;

export interface ThoughtDelta {
  readonly field: string;
  readonly text: string;
  /** OpenRouter's form, with what is encrypted; goes back unchanged. */
  readonly details: readonly JsonObject[];
}

/** The thoughts in a delta or message. */
export function thoughtsIn(spoken: Readonly<Record<string, JsonValue>>): ThoughtDelta | undefined {
  const details = Array.isArray(spoken.reasoning_details) ? spoken.reasoning_details.filter(isObject) : [];
  for (const field of TEXT_FIELDS) {
    const value = spoken[field];
    if (typeof value === "string" && value !== "") return { field, text: value, details };
  }
  if (details.length === 0) return undefined;
  const text = details
    .map(({ text, summary }) => [text, summary].find((one) => typeof one === "string") ?? "")
    .join("");
  return { field: "reasoning_details", text, details };
}

/** Maximum length of what is kept beside a thought. */
const MAX_KEPT_LENGTH = 256 * 1024;

/** What is kept beside a thought so that its server can be given it again. Details that are too long are left out. */
export function thoughtJson(field: string, details: readonly JsonObject[]): string {
  const json = details.length > 0 ? JSON.stringify({ chat: { field, reasoning_details: merged(details) } }) : "";
  return json !== "" && json.length <= MAX_KEPT_LENGTH ? json : JSON.stringify({ chat: { field } });
}

/** The fields of an assistant's message that tell a server its thoughts, under the names by which it told them. */
export function thoughtFields(thoughts: readonly Thought[]): Record<string, JsonValue> {
  const fields: Record<string, JsonValue> = {};
  for (const { text, extra } of thoughts) {
    const { field, reasoning_details: details } = isObject(extra.chat) ? extra.chat : {};
    if (Array.isArray(details)) {
      const before = fields.reasoning_details;
      fields.reasoning_details = [...(Array.isArray(before) ? before : []), ...details];
    }
    if (typeof field !== "string" || !TEXT_FIELDS.includes(field as never) || text === "") continue;
    const before = fields[field];
    fields[field] = before === undefined ? text : `${before}\n\n${text}`;
  }
  return fields;
}

/** Details come in pieces: those of one index are one. */
function merged(details: readonly JsonObject[]): JsonObject[] {
  const whole: JsonObject[] = [];
  const byIndex = new Map<string, JsonObject>();
  for (const detail of details) {
    const place = detail.index === undefined ? undefined : `${detail.type} ${detail.index}`;
    const open = place === undefined ? undefined : byIndex.get(place);
    if (open === undefined) {
      const first = { ...detail };
      whole.push(first);
      if (place !== undefined) byIndex.set(place, first);
      continue;
    }
    for (const [name, value] of Object.entries(detail)) {
      const before = open[name];
      const grows =
        ["text", "summary", "data"].includes(name) && typeof before === "string" && typeof value === "string";
      if (grows) open[name] = before + value;
      else if (value !== null) open[name] = value;
    }
  }
  return whole;
}
