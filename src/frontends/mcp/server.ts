// One call's server of the official package: the tools and resources, as this caller sees them.
import type * as Package from "@modelcontextprotocol/server";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { describeFailure } from "./errors.ts";
import { listResources, readResource, TEMPLATES } from "./resources.ts";
import type { Progress } from "./tool.ts";
import { TOOLS } from "./tools.ts";

export type McpPackage = typeof Package;

const NAME = { name: "colloquy", title: "Colloquy" } as const;
const INSTRUCTIONS =
  "Colloquy keeps conversations. Find them with list_conversations or search_messages, read them with read_conversation " +
  "and go on with its nextAfterSeq. append_message says something; ask_agent says something and waits for the answer of " +
  "the conversation's agent. Give writes a requestId, so that a retry does not act twice.";
/** Tools are the same for every caller, until another release. */
const CACHE_HINTS = { "tools/list": { ttlMs: 300_000, cacheScope: "public" } } as const;
/** JSON-RPC's code of what the server foresees and the protocol has no code for, such as a scope that the key lacks. */
const REFUSED = -32000;
/** Nobody is asked for input, so no schema is checked against it. */
const NO_VALIDATOR = {
  getValidator(): never {
    throw new Error("this server asks nobody for input");
  },
};

/** Makes the servers: each serves one call. */
export function createServerOf(
  canonical: Canonical,
  version: string,
): (mcp: McpPackage, context: CallContext) => Package.Server {
  const tools = TOOLS.map(({ definition }) => definition);
  const byName = new Map(TOOLS.map((tool) => [tool.definition.name, tool]));

  return (mcp, context) => {
    const server = new mcp.Server(
      { ...NAME, version },
      {
        capabilities: { tools: {}, resources: {} },
        instructions: INSTRUCTIONS,
        cacheHints: CACHE_HINTS,
        jsonSchemaValidator: NO_VALIDATOR,
      },
    );

    /** A failure of anything but a tool is the error of its JSON-RPC request. */
    async function orProtocolError<T>(act: () => Promise<T>): Promise<T> {
      try {
        return await act();
      } catch (error) {
        if (error instanceof mcp.ProtocolError) throw error;
        const { invalid, internal, text, retryAfterMs } = describeFailure(error, context);
        const code = invalid
          ? mcp.ProtocolErrorCode.InvalidParams
          : internal
            ? mcp.ProtocolErrorCode.InternalError
            : REFUSED;
        throw new mcp.ProtocolError(code, text, retryAfterMs === undefined ? undefined : { retryAfterMs });
      }
    }

    server.setRequestHandler("tools/list", () => ({ tools }));
    server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
      const tool = byName.get(params.name);
      if (tool === undefined) {
        throw new mcp.ProtocolError(mcp.ProtocolErrorCode.InvalidParams, "params.name: must be the name of a tool");
      }
      try {
        const progress = progressOf(mcpReq);
        const structuredContent = await tool.run(params.arguments ?? {}, { canonical, context, progress });
        return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
      } catch (error) {
        return { content: [{ type: "text", text: describeFailure(error, context).text }], isError: true };
      }
    });
    server.setRequestHandler("resources/list", () => orProtocolError(() => listResources(canonical, context)));
    server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: TEMPLATES }));
    server.setRequestHandler("resources/read", ({ params: { uri } }) =>
      orProtocolError(() =>
        readResource(canonical, context, uri).catch((error: unknown) => {
          const missing = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
          throw missing ? new mcp.ResourceNotFoundError(uri) : error;
        }),
      ),
    );
    return server;
  };
}

/** Tells of progress, if the caller asked for it: numbered, for each must be more than the one before. */
function progressOf(request: Package.ServerContext["mcpReq"]): Progress {
  const progressToken = request._meta?.progressToken;
  let progress = 0;
  return async (message) => {
    if (progressToken === undefined) return;
    const params = { progressToken, progress: ++progress, ...(message !== undefined && { message }) };
    await request.notify({ method: "notifications/progress", params });
  };
}
