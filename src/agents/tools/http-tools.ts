// Tools that are asked over HTTP: the call goes out as JSON, and the body of the response is the result.
import { jsonFault } from "../../domain/parts/json-text.ts";
import type { StoredTool } from "../../domain/turns/agent-tool.ts";
import type { BoundedFetch, FetchedResponse } from "../../outbound/bounded-fetch.ts";
import { ResponseTooLarge } from "../../outbound/response-too-large.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";
import { type Sealer, type SealOwner, toolOwner } from "../secrets/sealing.ts";
import { removeSecret } from "../secrets/without-secret.ts";
import { withTimeout } from "../with-timeout.ts";
import { wasNeverSent } from "./never-sent.ts";
import { MAY_HAVE_RUN, type ToolCall, type ToolOutcome, type ToolRunner, toolFailure } from "./tool-runner.ts";

/** The most bytes of a result. */
export const MAX_RESULT_BYTES = 256 * 1024;
/** How much of a refusal the agent reads, in bytes. */
const MAX_REFUSAL_BYTES = 2_048;
const DEFAULT_TIMEOUT_MS = 30_000;
/** What read as text would be noise. */
const NO_TEXT = /^\s*(?:(?:image\/(?!svg\+xml)|audio\/|video\/|font\/)|application\/(?:pdf|zip|gzip|octet-stream)\b)/i;

export interface HttpToolsOptions {
  /** A fetch that connects to allowed addresses only, and reads no more than a result may have. */
  readonly fetcher: () => Promise<Pick<BoundedFetch, "fetch">>;
  readonly sealer: Sealer;
}

export function createHttpTools(options: HttpToolsOptions): ToolRunner {
  return {
    async run(agent, call, place, signal) {
      const tool = agent.tools?.find(({ name }) => name === call.name);
      if (tool?.url === undefined) return toolFailure("this tool no longer exists");
      const controller = new AbortController();
      try {
        const response = ask(options, tool, agent, call, place, AbortSignal.any([signal, controller.signal]));
        const outcome = await withTimeout(response, tool.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal);
        return outcome ?? toolFailure(`the tool took too long: ${MAY_HAVE_RUN}`);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof ResponseTooLarge)
          return toolFailure(`the tool returned more than ${MAX_RESULT_BYTES} bytes`);
        if (wasNeverSent(error)) return toolFailure("the tool cannot be reached");
        return toolFailure(`the connection to the tool broke off: ${MAY_HAVE_RUN}`);
      } finally {
        controller.abort();
      }
    },
  };
}

async function ask(
  { fetcher, sealer }: HttpToolsOptions,
  tool: StoredTool,
  agent: AgentRow,
  call: ToolCall,
  { tenantId, conversationId, id: turnId }: TurnPlace,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const input = call.arguments.trim() === "" ? "{}" : call.arguments;
  const fault = jsonFault(input);
  if (fault !== undefined) return toolFailure(`the arguments are refused: ${fault[1]}`);
  const head = JSON.stringify({ toolCallId: call.callId, name: call.name, conversationId, turnId });
  // The arguments go as the model wrote them, with the digits of their numbers.
  const body = `${head.slice(0, -1)},"input":${input}}`;
  const secret = openSecret(sealer, tool, { tenantId, id: agent.id });
  if (secret === "") return toolFailure("the tool's credential cannot be read with this server's key");
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/*",
    ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
  };
  const { fetch } = await fetcher();
  const response = await fetch(tool.url ?? "", { method: "POST", headers, body, signal });
  return removeSecret(await outcomeOf(response), secret);
}

async function outcomeOf(response: FetchedResponse): Promise<ToolOutcome> {
  if (response.status < 200 || response.status > 299) {
    const said = (await response.start(MAX_REFUSAL_BYTES)).trim();
    return toolFailure(`the tool returned status ${response.status}${said === "" ? "" : `: ${said}`}`);
  }
  const type = response.header("content-type") ?? "";
  if (NO_TEXT.test(type)) return toolFailure(`the tool returned ${type.slice(0, 100)}: it must return text or JSON`);
  const text = await response.text();
  if (text === "") return { output: { case: undefined }, isError: false };
  const isJson = jsonFault(text) === undefined;
  return { output: isJson ? { case: "json", value: text } : { case: "text", value: text }, isError: false };
}

/** Undefined: the tool has none. Empty: it cannot be read. */
function openSecret(sealer: Sealer, { credential, name }: StoredTool, agent: SealOwner): string | undefined {
  if (credential === undefined) return undefined;
  try {
    return sealer.open(Buffer.from(credential, "base64"), toolOwner(agent, name));
  } catch {
    return "";
  }
}
