// The MCP servers of agents: their tools, listed once in a while, and the calls of them.
import { createHash } from "node:crypto";
import type { Tool } from "@modelcontextprotocol/client";
import type { Logger } from "pino";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import type { AgentTool, StoredMcpServer } from "../../../domain/turns/agent-tool.ts";
import type { WebFetch } from "../../../outbound/web-fetch.ts";
import type { AgentRow } from "../../../store/agents/agents.ts";
import type { Sealer } from "../../secrets/sealing.ts";
import { mcpOwner } from "../../secrets/sealing.ts";
import { removeSecret } from "../../secrets/without-secret.ts";
import { withTimeout } from "../../with-timeout.ts";
import { type ToolCall, type ToolOutcome, toolFailure } from "../tool-runner.ts";
import { LeasedCache } from "./leased-cache.ts";
import { readExactly, withoutNulls } from "./mcp-arguments.ts";
import { outcomeOf } from "./mcp-result.ts";
import type { McpSession } from "./mcp-session.ts";

export interface McpServers {
  /** The tools of an agent's MCP servers. A server that cannot be asked has none for now. */
  list(tenantId: string, agent: AgentRow, signal: AbortSignal): Promise<AgentTool[]>;
  /** Runs one of them. Throws only the signal's reason. */
  run(tenantId: string, agent: AgentRow, call: ToolCall, signal: AbortSignal): Promise<ToolOutcome>;
  close(): Promise<void>;
}

export interface McpServersOptions {
  readonly fetcher: () => Promise<Pick<WebFetch, "fetch">>;
  readonly sealer: Sealer;
  readonly log?: Logger | undefined;
  /** In milliseconds. Default: {@link MCP_TIMES}. */
  readonly times?: typeof MCP_TIMES;
}

/** For how long a list of tools is kept, and that there is none; how long a server has to say it. In milliseconds. */
export const MCP_TIMES = { keep: 300_000, keepFailure: 30_000, list: 10_000 };

/** What is kept of a server's tools. */
const MAX_TOOLS = 128;
const MAX_SCHEMA_BYTES = 65_536;
const MAX_DESCRIPTION_BYTES = 16_384;
/** All definitions that are kept at once. */
const MAX_CACHED_BYTES = 32 << 20;
/** What an entry takes beside them. */
const ENTRY_BYTES = 16_384;
const MAX_NAME_LENGTH = 64;

/** A server's tools, by the names by which models call them. */
interface Listed {
  readonly session: McpSession;
  /** What the server was given. It does not come back in results. */
  readonly credential: string | undefined;
  readonly tools: ReadonlyMap<string, { readonly own: string; readonly tool: AgentTool }>;
}

export function createMcpServers(options: McpServersOptions): McpServers {
  const { fetcher, sealer, log, times = MCP_TIMES } = options;
  const cache = new LeasedCache<Listed | undefined>(MAX_CACHED_BYTES, (listed) => listed?.session.close());

  // What is asked for one turn serves others, so it does not end with that turn.
  const lease = (tenantId: string, agent: AgentRow, server: StoredMcpServer) =>
    cache.lease([tenantId, agent.id, agent.version, server.name].join("/"), async () => {
      try {
        const listed = await open(tenantId, agent, server, AbortSignal.timeout(2 * times.list));
        const bytes = [...listed.tools.values()].reduce((sum, { tool }) => sum + bytesOf(tool), ENTRY_BYTES);
        return { value: listed, bytes, keepMs: times.keep };
      } catch (error) {
        log?.warn({ err: error, agentId: agent.id, server: server.name }, "an MCP server did not list its tools");
        return { value: undefined, bytes: ENTRY_BYTES, keepMs: times.keepFailure };
      }
    });

  async function open(tenantId: string, agent: AgentRow, server: StoredMcpServer, signal: AbortSignal) {
    const { openMcpSession } = await import("./mcp-session.ts");
    const credential =
      server.credential === undefined
        ? undefined
        : sealer.open(Buffer.from(server.credential, "base64"), mcpOwner({ tenantId, id: agent.id }, server.name));
    const session = await openMcpSession(server.url, credential, await fetcher(), times.list, signal);
    const wants = (name: string) => server.allowedTools?.includes(name) ?? true;
    try {
      const onBad = (tool: string, why: string) =>
        log?.warn({ agentId: agent.id, server: server.name, tool, why }, "a tool of an MCP server is left out");
      const tools = await session.list({ tools: MAX_TOOLS, wants, timeoutMs: times.list, onBad }, signal);
      return { session, credential, tools: namedTools(server, tools) };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Undefined: the server has no such tool. */
  async function callOnce(
    tenantId: string,
    agent: AgentRow,
    server: StoredMcpServer,
    name: string,
    args: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<ToolOutcome | "forgotten" | undefined> {
    const leased = await lease(tenantId, agent, server);
    try {
      if (leased.value === undefined) return toolFailure("the MCP server cannot be reached");
      const found = leased.value.tools.get(name);
      if (found === undefined) return undefined;
      const taken = withoutNulls(args, found.tool.inputSchemaJson);
      const result = await leased.value.session.call(found.own, taken, server.timeoutMs, signal);
      return removeSecret(outcomeOf(result), leased.value.credential);
    } catch (error) {
      signal.throwIfAborted();
      const { isForgotten, wordsOf } = await import("./mcp-failures.ts");
      // Whatever is wrong with the session, the next call has a new one.
      leased.drop();
      if (isForgotten(error)) return "forgotten";
      return removeSecret(toolFailure(wordsOf(error)), leased.value?.credential);
    } finally {
      leased.done();
    }
  }

  return {
    async list(tenantId, agent, signal) {
      const servers = agent.mcp_servers ?? [];
      const all = Promise.all(
        servers.map(async (server) => {
          const leased = await lease(tenantId, agent, server);
          leased.done();
          return [...(leased.value?.tools.values() ?? [])].map(({ tool }) => tool);
        }),
      );
      return (await withTimeout(all, 4 * times.list, signal))?.flat() ?? [];
    },

    async run(tenantId, agent, { name, arguments: given }, signal) {
      const text = given.trim() === "" ? "{}" : given;
      const fault = jsonFault(text, "object");
      if (fault !== undefined) return toolFailure(`the arguments are refused: ${fault[1]}`);
      const args = readExactly(text);
      for (const server of agent.mcp_servers ?? []) {
        if (!name.startsWith(`${server.name}_`)) continue;
        const once = () => callOnce(tenantId, agent, server, name, args, signal);
        const first = await once();
        // A server that has forgotten the session has run nothing.
        const outcome = first === "forgotten" ? await once() : first;
        if (outcome === "forgotten") return toolFailure("the MCP server does not keep its sessions");
        if (outcome !== undefined) return outcome;
      }
      return toolFailure("this tool no longer exists");
    },

    close: () => cache.close(),
  };
}

function namedTools(server: StoredMcpServer, tools: readonly Tool[]): Listed["tools"] {
  const named = new Map<string, { own: string; tool: AgentTool }>();
  // Of two of one name the first counts.
  const distinct = [...new Map(tools.toReversed().map((tool) => [tool.name, tool])).values()].reverse();
  const alike = Map.groupBy(distinct, ({ name }) => nameOf(server, name));
  for (const { name: own, description = "", inputSchema } of distinct) {
    const known = nameOf(server, own);
    const isClear = known.length <= MAX_NAME_LENGTH && alike.get(known)?.length === 1;
    const name = isClear ? known : withDigest(known, own);
    const inputSchemaJson = JSON.stringify(inputSchema, (_, value: unknown) =>
      typeof value === "string" ? legible(value) : value,
    );
    if (named.has(name) || Buffer.byteLength(inputSchemaJson) > MAX_SCHEMA_BYTES) continue;
    if (jsonFault(inputSchemaJson, "object") !== undefined) continue;
    const needsApproval = server.needsApproval || server.approvalTools?.includes(own) === true;
    const words = cut(legible(description));
    named.set(name, { own, tool: { name, description: words, inputSchemaJson, place: "mcp", needsApproval } });
  }
  return named;
}

/** Without what servers of models refuse: halves of surrogate pairs, and NUL. */
function legible(text: string): string {
  return text.toWellFormed().replaceAll("\0", "");
}

/** By which models know a tool, if that is short enough and no other has it. */
function nameOf({ name }: StoredMcpServer, own: string): string {
  return `${name}_${own.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
}

/** The same with a digest of the tool's own name, so that it does not depend on the order of the tools. */
function withDigest(known: string, own: string): string {
  const digest = createHash("sha256").update(own).digest("hex").slice(0, 8);
  return `${known.slice(0, MAX_NAME_LENGTH - digest.length - 1)}_${digest}`;
}

function cut(text: string): string {
  if (Buffer.byteLength(text) <= MAX_DESCRIPTION_BYTES) return text;
  // A character that is cut in two becomes U+FFFD, which is taken away.
  return Buffer.from(text)
    .subarray(0, MAX_DESCRIPTION_BYTES)
    .toString()
    .replace(/\uFFFD$/u, "");
}

function bytesOf({ name, description, inputSchemaJson }: AgentTool): number {
  return 2 * (name.length + description.length + inputSchemaJson.length);
}
