// The events of an item that came as a whole: what a tool of the provider did, in the stages that clients know.
import { type Members, membersOf, textOf } from "../items/json-members.ts";
import type { ItemEvent } from "./open-item.ts";

/** What happens before the end; a member of the item is a text that is told. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  web_search_call: ["in_progress", "searching"],
  file_search_call: ["in_progress", "searching"],
  code_interpreter_call: ["in_progress", "code", "interpreting"],
  image_generation_call: ["in_progress", "generating"],
  mcp_call: ["in_progress", "arguments"],
  mcp_list_tools: ["in_progress"],
};
const TEXTS = new Set(["code", "arguments"]);

/** The tools whose failure has an event. */
const TELLS_FAILURE = new Set(["mcp_call", "mcp_list_tools"]);

/** @param index its place in the output */
export function wholeItem(json: string, index: number): ItemEvent[] {
  const members = membersOf(json) ?? new Map<string, string>();
  const type = textOf(members.get("type")) ?? "";
  const item = `"output_index":${index},"item":${json}`;
  return [
    ["response.output_item.added", item],
    ...stagesOf(type, members, `"item_id":${members.get("id") ?? '""'},"output_index":${index}`),
    ["response.output_item.done", item],
  ];
}

function stagesOf(type: string, members: Members, at: string): ItemEvent[] {
  const stages = STAGES[type];
  if (stages === undefined) return [];
  const told = stages.flatMap((stage) =>
    TEXTS.has(stage) ? textEvents(`${type}_${stage}`, stage, members.get(stage), at) : [eventOf(type, stage, at)],
  );
  if (!hasFailed(members)) return [...told, eventOf(type, "completed", at)];
  return TELLS_FAILURE.has(type) ? [...told, eventOf(type, "failed", at)] : told;
}

function eventOf(type: string, stage: string, at: string): ItemEvent {
  return [`response.${type}.${stage}`, at];
}

function textEvents(name: string, member: string, json: string | undefined, at: string): ItemEvent[] {
  if (json === undefined || textOf(json) === undefined) return [];
  return [
    [`response.${name}.delta`, `${at},"delta":${json}`],
    [`response.${name}.done`, `${at},"${member}":${json}`],
  ];
}

function hasFailed(members: Members): boolean {
  return members.get("status") === '"failed"' || (members.get("error") ?? "null") !== "null";
}
