// The schema of a tool's arguments as every provider takes it. A provider that refuses the schema of one tool refuses the
// whole request, and with it every turn of an agent; and tools come from MCP servers and callers, in any dialect.
import type { JsonObject } from "@bufbuild/protobuf";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import { objectOf } from "../history/items.ts";
import { mended } from "./keywords.ts";
import { withoutCombinations, withoutDangling } from "./root.ts";

/**
 * Providers want a schema also where any object will do, and refuse an object without `properties`. The schema asks for
 * as much as its own, or less: what a call must be is said by the tool itself.
 */
export function schemaOf({ inputSchemaJson }: AgentTool): JsonObject {
  const given = objectOf(inputSchemaJson === "" ? undefined : inputSchemaJson);
  const schema = withoutDangling(withoutCombinations(mended(given)));
  return { properties: {}, ...schema, type: "object" };
}
