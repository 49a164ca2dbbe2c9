// The schema of a tool's arguments as every provider takes it. A provider that refuses the schema of one tool refuses the
// whole request, and with it every turn of an agent; and tools come from MCP servers and callers, in any dialect.
import { setImmediate } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import { objectOf } from "../history/items.ts";
import { mended, withoutUnnamed } from "./keywords.ts";
import { withoutCombinations, withoutDangling } from "./root.ts";

/** By tool: each call of a model is told its tools, and an MCP server's are the same for many turns. */
const known = new WeakMap<AgentTool, JsonObject>();

/**
 * Providers want a schema also where any object will do, and refuse an object without `properties`. The schema asks for
 * as much as its own, or less: what a call must be is said by the tool itself.
 */
export function schemaOf(tool: AgentTool): JsonObject {
  const before = known.get(tool);
  if (before !== undefined) return before;
  const schema = translated(tool.inputSchemaJson);
  known.set(tool, schema);
  return schema;
}

/** How much of schemas is translated before other work has its turn, in characters. */
const SLICE = 16_384;

/** Translates the schemas of a list in slices, so that a long one does not hold the event loop. */
export async function readSchemas(tools: readonly AgentTool[]): Promise<void> {
  let length = 0;
  for (const tool of tools) {
    if (known.has(tool)) continue;
    length += tool.inputSchemaJson.length;
    schemaOf(tool);
    if (length < SLICE) continue;
    await setImmediate();
    length = 0;
  }
}

function translated(json: string): JsonObject {
  const schema = withoutCombinations(mended(objectOf(json === "" ? undefined : json)));
  const whole = { properties: {}, ...(json.includes("$ref") ? withoutDangling(schema) : schema), type: "object" };
  return withoutUnnamed(whole);
}
