// Endpoints that take a limited number of tools: a request with more is refused as a whole, and so would be every turn of
// an agent with some large MCP servers.
import type { JsonObject } from "@bufbuild/protobuf";
import type { ApiOption } from "./model-api.ts";

/** What OpenAI, Azure and those that follow them take. */
const MAX_TOOLS = 128;

/** The tools past that number. */
export const TOO_MANY_TOOLS: ApiOption = {
  name: "too many tools",
  refused: /\btools\b.{0,100}(?:maximum|at most|up to|more than|limit)\D{0,40}128\b/is,
  isLasting: true,
};

/** A request with the first tools: the agent's own and the caller's stand before those of MCP servers. */
export function withFirstTools(body: JsonObject): JsonObject {
  return Array.isArray(body.tools) ? { ...body, tools: body.tools.slice(0, MAX_TOOLS) } : body;
}
