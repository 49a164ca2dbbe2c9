// Maps parameters of Responses to those of Chat Completions. Others are left out: strict servers refuse them.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../failures.ts";

/** What has the same name in both. */
const SAME = [
  "temperature",
  "top_p",
  "service_tier",
  "user",
  "safety_identifier",
  "prompt_cache_key",
  "prompt_cache_retention",
];

export function chatParameters(asked: JsonObject): JsonObject {
  const { max_output_tokens, top_logprobs, reasoning, text, tools, tool_choice, parallel_tool_calls } = asked;
  const functions = Array.isArray(tools) ? tools.flatMap(toolOf) : [];
  const choice = functions.length === 0 ? undefined : choiceOf(tool_choice);
  const effort = isObject(reasoning) ? reasoning.effort : undefined;
  const format = isObject(text) ? formatOf(text.format) : undefined;
  const verbosity = isObject(text) ? text.verbosity : undefined;
  return {
    ...Object.fromEntries(SAME.flatMap((name) => (asked[name] == null ? [] : [[name, asked[name]]]))),
    ...(max_output_tokens != null && { max_completion_tokens: max_output_tokens }),
    ...(top_logprobs != null && { logprobs: true, top_logprobs }),
    ...(effort != null && { reasoning_effort: effort }),
    ...(verbosity != null && { verbosity }),
    ...(format !== undefined && { response_format: format }),
    ...(functions.length > 0 && { tools: functions }),
    ...(choice !== undefined && { tool_choice: choice }),
    ...(functions.length > 0 && parallel_tool_calls != null && { parallel_tool_calls }),
  };
}

function toolOf(tool: JsonValue): JsonObject[] {
  if (!isObject(tool) || (tool.type !== "function" && tool.type !== "custom")) return [];
  const { name, description, parameters, strict } = tool;
  if (tool.type === "custom") {
    const format = isObject(tool.format) ? customFormat(tool.format) : undefined;
    return [{ type: "custom", custom: { name: name ?? "", ...(description != null && { description }), ...format } }];
  }
  const described = {
    ...(description != null && { description }),
    ...(parameters != null && { parameters }),
    ...(strict != null && { strict }),
  };
  return [{ type: "function", function: { name: name ?? "", ...described } }];
}

function customFormat({ type, ...grammar }: JsonObject): JsonObject {
  return { format: type === "grammar" ? { type, grammar } : { type: type ?? "text" } };
}

/** A tool as a choice names it: a function or a custom tool. */
function namedTool(tool: JsonValue): JsonObject[] {
  if (!isObject(tool) || (tool.type !== "function" && tool.type !== "custom")) return [];
  return [{ type: tool.type, [tool.type]: { name: tool.name ?? "" } }];
}

function choiceOf(choice: JsonValue | undefined): JsonValue | undefined {
  if (typeof choice === "string") return choice;
  if (!isObject(choice)) return undefined;
  if (choice.type !== "allowed_tools" || !Array.isArray(choice.tools)) return namedTool(choice)[0];
  const tools = choice.tools.flatMap(namedTool);
  return { type: "allowed_tools", allowed_tools: { mode: choice.mode ?? "auto", tools } };
}

function formatOf(format: JsonValue | undefined): JsonObject | undefined {
  if (!isObject(format) || format.type === "text") return undefined;
  if (format.type !== "json_schema") return { type: format.type ?? "" };
  const { type: _, ...schema } = format;
  return { type: "json_schema", json_schema: schema };
}
