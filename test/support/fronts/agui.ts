// AG-UI with its own client, which records all events; and single posts written by hand.
import { type AgentSubscriber, type BaseEvent, HttpAgent, type Message, type RunAgentInput } from "@ag-ui/client";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReplyResponseSchema } from "../../../gen/colloquy/agent/v1/agent_service_pb.ts";
import type { Credential } from "../servers/identity-server.ts";

export interface Ran {
  /** The events of the run, each checked by the client. */
  readonly events: BaseEvent[];
  /** What the client says of it at its end. */
  readonly error: Error | undefined;
}

export interface AguiOptions {
  readonly threadId?: string;
  readonly agent?: string;
  readonly messages?: Message[];
  /** After the path, such as `?ifRunning=queue`. */
  readonly query?: string;
}

/** The client throws into nowhere what it cancels after its line was cut. */
async function fetchQuietly(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.body === null) return response;
  const reader = response.body.getReader();
  const quiet = { read: () => reader.read(), cancel: () => reader.cancel().catch(() => {}) };
  const { ok, status, headers } = response;
  if (!ok) {
    reader.releaseLock();
    return response;
  }
  return { ok, status, headers, body: { getReader: () => quiet } } as unknown as Response;
}

/** A client of one thread. */
export function aguiClient(url: string, who: Credential, options: AguiOptions = {}): HttpAgent {
  const { threadId, agent = "default", messages, query = "" } = options;
  const client = new HttpAgent({
    url: `${url}/agui/${agent}${query}`,
    headers: { ...who },
    fetch: fetchQuietly,
    ...(threadId !== undefined && { threadId }),
    ...(messages !== undefined && { initialMessages: messages }),
  });
  return client;
}

type RunParameters = Parameters<HttpAgent["runAgent"]>[0];

export type Reply = MessageInitShape<typeof ReplyResponseSchema>;

/** An agent that sends these pieces. */
export function replies(...pieces: readonly Reply[]) {
  return async function* (): AsyncIterable<Reply> {
    yield* pieces;
  };
}

export function thinks(text: string): Reply {
  return { piece: { case: "reasoning", value: text } };
}

export function calls(callId: string, name: string, args = ""): Reply {
  return { piece: { case: "toolCall", value: { callId, name, arguments: args } } };
}

export function gives(callId: string, text: string): Reply {
  const result = { callId, output: { case: "text", value: text } } as const;
  return { piece: { case: "part", value: { content: { case: "toolResult", value: result } } } };
}

/** Runs, and never throws: what the client says of a failure is part of the answer. */
export async function runAgui(
  client: HttpAgent,
  parameters: RunParameters = {},
  subscriber: AgentSubscriber = {},
): Promise<Ran> {
  const events: BaseEvent[] = [];
  let error: Error | undefined;
  const noted: AgentSubscriber = {
    ...subscriber,
    onEvent(params) {
      events.push(params.event);
      return subscriber.onEvent?.(params);
    },
    onRunFailed(params) {
      error = params.error;
    },
  };
  await client.runAgent(parameters, noted).catch(() => {});
  return { events, error };
}

/** A user's message, and the run that it asks for. */
export function ask(client: HttpAgent, content: string, id: string, parameters: RunParameters = {}): Promise<Ran> {
  client.addMessage({ id, role: "user", content });
  return runAgui(client, parameters);
}

/** Events in short: type and what matters of it, neighbouring content as one. */
export function told(events: readonly BaseEvent[]): string[] {
  const lines: string[] = [];
  for (const event of events as readonly (BaseEvent & Record<string, unknown>)[]) {
    const { type, delta } = event;
    if (typeof delta === "string" && lines.at(-1)?.startsWith(`${type} `)) lines.push(`${lines.pop()}${delta}`);
    else if (typeof delta === "string") lines.push(`${type} ${delta}`);
    else if (type === "TOOL_CALL_START") lines.push(`${type} ${event.toolCallId} ${event.toolCallName}`);
    else if (type === "TOOL_CALL_RESULT") lines.push(`${type} ${event.toolCallId} ${event.content}`);
    else if (type === "RUN_FINISHED") lines.push(`${type} ${JSON.stringify((event.outcome as { type: string }).type)}`);
    else if (type === "RUN_ERROR") lines.push(`${type} ${event.code}: ${event.message}`);
    else lines.push(type);
  }
  return lines;
}

/** Of a list of messages, those in which a client and the server must agree. */
export function bodies(messages: readonly Message[]): unknown[] {
  return messages.map((message) => JSON.parse(JSON.stringify(message)));
}

export function input(parts: Partial<RunAgentInput> = {}): RunAgentInput {
  return { threadId: "t", runId: "r", messages: [], tools: [], context: [], state: {}, forwardedProps: {}, ...parts };
}

/** Posts an input, or any text. */
export async function postAgui(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  path = "/agui/default",
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The events of a body. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into them
export function eventsIn(text: string): any[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data));
}
