// The MCP servers of an agent: the contract's, and as its row keeps them.
import { create } from "@bufbuild/protobuf";
import { type Agent, type McpServer, McpServerSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { durationOf, millisecondsOf } from "../../agents/connectors/duration.ts";
import { mcpOwner, type SealOwner } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import type { StoredMcpServer } from "../../domain/turns/agent-tool.ts";
import { type AgentRules, checkUrl } from "./check-url.ts";

const DEFAULT_TIMEOUT_MS = 30_000;

type StoredServers = readonly StoredMcpServer[] | null;

/** @param before the servers that the agent has, whose credentials are kept where none is given */
export function mcpServersOf(
  { mcpServers }: Agent,
  owner: SealOwner,
  rules: AgentRules,
  before: StoredServers,
): StoredServers {
  const names = new Set<string>();
  const stored = mcpServers.map((server, index) => {
    const path = `agent.mcp_servers[${index}]`;
    const { name, url, allowedTools, needsApproval, approvalTools, timeout } = server;
    if (names.has(name)) throw invalidField(`${path}.name`, "must not occur twice", "mcp_servers.unique");
    names.add(name);
    const unlisted = allowedTools.length === 0 ? -1 : approvalTools.findIndex((tool) => !allowedTools.includes(tool));
    if (unlisted !== -1) {
      const field = `${path}.approval_tools[${unlisted}]`;
      throw invalidField(field, "must be one of allowed_tools, where those are given", "approval_tools.allowed");
    }
    checkUrl(`${path}.url`, url, rules.allowPrivate);
    const old = before?.find((one) => one.name === name);
    const credential = credentialOf(path, server, owner, rules, old);
    return {
      name,
      url,
      needsApproval,
      timeoutMs: millisecondsOf(timeout) ?? DEFAULT_TIMEOUT_MS,
      ...(allowedTools.length > 0 && { allowedTools: [...new Set(allowedTools)] }),
      ...(approvalTools.length > 0 && { approvalTools: [...new Set(approvalTools)] }),
      ...(credential !== undefined && { credential }),
    };
  });
  return stored.length === 0 ? null : stored;
}

/** Whoever may move a server would else have its credential sent to themselves. */
function credentialOf(
  path: string,
  { name, url, credential }: McpServer,
  owner: SealOwner,
  { sealer }: AgentRules,
  old: StoredMcpServer | undefined,
): string | undefined {
  if (credential !== "") return sealer.seal(credential, mcpOwner(owner, name)).toString("base64");
  if (old?.credential === undefined) return undefined;
  if (new URL(old.url).origin === new URL(url).origin) return old.credential;
  const rule = "must be given again for another address: it is sent only to where it was meant for";
  throw invalidField(`${path}.credential`, rule, "credential.address");
}

export function toMcpServer(server: StoredMcpServer): McpServer {
  const { name, url, allowedTools = [], needsApproval, approvalTools = [], timeoutMs, credential } = server;
  return create(McpServerSchema, {
    name,
    url,
    allowedTools: [...allowedTools],
    needsApproval,
    approvalTools: [...approvalTools],
    hasCredential: credential !== undefined,
    timeout: durationOf(timeoutMs),
  });
}
