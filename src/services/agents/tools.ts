// The tools of an agent: the contract's, and as its row keeps them.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Agent, type AgentTool, AgentToolSchema, type HttpTool } from "../../../gen/colloquy/v1/agent_pb.ts";
import { durationOf, millisecondsOf } from "../../agents/connectors/duration.ts";
import type { SealOwner } from "../../agents/secrets/sealing.ts";
import { toolOwner } from "../../agents/secrets/sealing.ts";
import { invalidField } from "../../domain/errors.ts";
import { jsonFault } from "../../domain/parts/json-text.ts";
import type { StoredTool } from "../../domain/turns/agent-tool.ts";
import { type AgentRules, checkUrl } from "./check-url.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
/** All tools of an agent, as they are stored. */
const MAX_BYTES = 512 * 1024;

type StoredTools = readonly StoredTool[] | null;

/** @param before the tools that the agent has, whose credentials are kept where none is given */
export function toolsOf({ tools }: Agent, owner: SealOwner, rules: AgentRules, before: StoredTools): StoredTools {
  checkTools(tools, "agent.tools");
  const stored = tools.map((tool, index) => {
    const own = storedTool(tool);
    if (tool.runs.case !== "http") return own;
    const path = `agent.tools[${index}].http`;
    const { url } = tool.runs.value;
    checkUrl(`${path}.url`, url, rules.allowPrivate);
    const old = before?.find(({ name }) => name === tool.name);
    const credential = credentialOf(path, tool.name, tool.runs.value, owner, rules, old);
    const timeoutMs = millisecondsOf(tool.runs.value.timeout) ?? DEFAULT_TIMEOUT_MS;
    return { ...own, url, timeoutMs, ...(credential !== undefined && { credential }) };
  });
  if (Buffer.byteLength(JSON.stringify(stored)) > MAX_BYTES) {
    throw invalidField("agent.tools", `must be at most ${MAX_BYTES} bytes in all`, "tools.max_bytes");
  }
  return stored.length === 0 ? null : stored;
}

/** The rules for tools that hold for those of agents and those that a caller brings. */
export function checkTools(tools: readonly AgentTool[], field: string): void {
  const names = new Set<string>();
  for (const [index, { name, inputSchemaJson }] of tools.entries()) {
    if (names.has(name)) throw invalidField(`${field}[${index}].name`, "must not occur twice", "tools.unique");
    names.add(name);
    const fault = inputSchemaJson === "" ? undefined : jsonFault(inputSchemaJson, "object");
    if (fault) throw invalidField(`${field}[${index}].input_schema_json`, fault[1], fault[0]);
  }
}

/** A tool without what only one over HTTP has. */
export function storedTool({ name, description, inputSchemaJson, needsApproval, runs }: AgentTool): StoredTool {
  return { name, description, inputSchemaJson, needsApproval, place: runs.case === "http" ? "http" : "client" };
}

/** Whoever may move a tool would else have its credential sent to themselves. */
function credentialOf(
  path: string,
  name: string,
  { url, credential }: HttpTool,
  owner: SealOwner,
  { sealer }: AgentRules,
  old: StoredTool | undefined,
): string | undefined {
  if (credential !== "") return sealer.seal(credential, toolOwner(owner, name)).toString("base64");
  if (old?.credential === undefined || old.url === undefined) return undefined;
  if (new URL(old.url).origin === new URL(url).origin) return old.credential;
  const rule = "must be given again for another address: it is sent only to where it was meant for";
  throw invalidField(`${path}.credential`, rule, "credential.address");
}

export function toAgentTool(tool: StoredTool): AgentTool {
  const { name, description, inputSchemaJson, needsApproval } = tool;
  return create(AgentToolSchema, { name, description, inputSchemaJson, needsApproval, runs: runsOf(tool) });
}

function runsOf({ place, url = "", credential, timeoutMs = DEFAULT_TIMEOUT_MS }: StoredTool) {
  const runs: MessageInitShape<typeof AgentToolSchema>["runs"] =
    place === "http"
      ? { case: "http", value: { url, hasCredential: credential !== undefined, timeout: durationOf(timeoutMs) } }
      : { case: "client", value: {} };
  return runs;
}
