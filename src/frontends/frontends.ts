// Every front end there is.
import type { CreateDialect } from "../dialects/shared/dialect.ts";
import { createMcp } from "./mcp/frontend.ts";
import type { FrontendOptions } from "./shared/options.ts";

/** The front ends by their names in `COLLOQUY_COMPAT`. */
export function createFrontends(options: FrontendOptions): Readonly<Record<"mcp", CreateDialect>> {
  return { mcp: (tools) => createMcp(tools, options) };
}
