// A2A with its official client, over each of its bindings; and single requests written by hand.
import { randomUUID } from "node:crypto";
import type { SendMessageRequest, StreamResponse, Task } from "@a2a-js/sdk";
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from "@a2a-js/sdk/client";
import { GrpcTransportFactory } from "@a2a-js/sdk/client/grpc";
import type { Credential } from "../servers/identity-server.ts";

export const BINDINGS = ["JSONRPC", "HTTP+JSON", "GRPC"] as const;

/** A client of one agent, made from the agent's card. */
export async function a2aClient(
  url: string,
  who: Credential,
  binding: (typeof BINDINGS)[number],
  agent = "default",
): Promise<Client> {
  const fetchImpl: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    for (const [name, value] of Object.entries(who)) headers.set(name, value);
    return fetch(input, { ...init, headers });
  };
  const factory = new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl }),
      new RestTransportFactory({ fetchImpl }),
      new GrpcTransportFactory(),
    ],
    preferredTransports: [binding],
    cardResolver: new DefaultAgentCardResolver({ fetchImpl }),
    clientConfig: {
      interceptors: [
        {
          async before(args) {
            args.options = { ...args.options, serviceParameters: { ...args.options?.serviceParameters, ...who } };
          },
          async after() {},
        },
      ],
    },
  });
  return factory.createFromUrl(url, `/a2a/${agent}/.well-known/agent-card.json`);
}

type Content = { readonly text: string } | { readonly data: unknown };

/** A user's message. */
export function message(
  contents: string | readonly Content[],
  more: { readonly messageId?: string; readonly contextId?: string; readonly taskId?: string } = {},
): SendMessageRequest {
  const parts = typeof contents === "string" ? [{ text: contents }] : contents;
  return {
    tenant: "",
    message: {
      messageId: randomUUID(),
      contextId: "",
      taskId: "",
      role: 1,
      parts: parts.map((part) => ({
        content: "text" in part ? { $case: "text", value: part.text } : { $case: "data", value: part.data },
        metadata: undefined,
        filename: "",
        mediaType: "",
      })),
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
      ...more,
    },
    configuration: undefined,
    metadata: undefined,
  } as unknown as SendMessageRequest;
}

/** The text of a task's artifacts. */
export function replyOf(task: Task): string {
  return task.artifacts
    .flatMap(({ parts }) => parts.map(({ content }) => (content?.$case === "text" ? content.value : "")))
    .join("|");
}

/** Updates in short, with neighbouring pieces of the artifact as one. */
export function toldOf(updates: readonly StreamResponse[]): string[] {
  const lines: string[] = [];
  for (const { payload } of updates) {
    if (payload?.$case === "task") lines.push(`task ${payload.value.status?.state} ${replyOf(payload.value)}`.trim());
    else if (payload?.$case === "statusUpdate") lines.push(`status ${payload.value.status?.state}`);
    else if (payload?.$case === "artifactUpdate") {
      const { append, artifact } = payload.value;
      const text = artifact?.parts
        .map(({ content }) => (content?.$case === "text" ? content.value : content?.$case))
        .join();
      if (append && lines.at(-1)?.startsWith("artifact ")) lines.push(`${lines.pop()}${text}`);
      else lines.push(`artifact ${text}`);
    } else lines.push(String(payload?.$case));
  }
  return lines;
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

/** Posts one JSON-RPC request. */
export async function postA2a(url: string, who: Credential, method: string, params: unknown, headers = {}) {
  const response = await fetch(`${url}/a2a`, {
    method: "POST",
    headers: { "content-type": "application/json", "a2a-version": "1.0", ...who, ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  return { status: response.status, body: (await response.json()) as any };
}
