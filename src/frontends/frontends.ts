// Every front end there is.
import type { CreateDialect } from "../dialects/shared/dialect.ts";
import type { FrontendName } from "../domain/settings/dialect-names.ts";
import { createA2a } from "./a2a/frontend.ts";
import { createAgui } from "./agui/frontend.ts";
import { createAiSdk } from "./aisdk/frontend.ts";
import { createMcp } from "./mcp/frontend.ts";
import type { FrontendOptions } from "./shared/options.ts";

/** The front ends by their names in `COLLOQUY_COMPAT`. */
export function createFrontends(options: FrontendOptions): Readonly<Record<FrontendName, CreateDialect>> {
  return {
    mcp: (tools) => createMcp(tools, options),
    agui: (tools) => createAgui(tools, options),
    aisdk: (tools) => createAiSdk(tools, options),
    a2a: (tools) => createA2a(tools, options),
  };
}
