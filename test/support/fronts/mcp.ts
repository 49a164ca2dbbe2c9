// MCP with its clients: both official packages, in all revisions of the protocol, and single messages written by hand.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Credential } from "../servers/identity-server.ts";

export interface ToolAnswer {
  readonly isError?: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly structuredContent?: any;
  readonly content: readonly { readonly type: string; readonly text: string }[];
}

export interface Progress {
  readonly progress: number;
  readonly message?: string | undefined;
}

/** What the tests need of a client, whichever package it is of. */
export interface McpClient {
  readonly version: string | undefined;
  tools(): Promise<readonly { readonly name: string }[]>;
  call(name: string, args?: object, onProgress?: (progress: Progress) => void): Promise<ToolAnswer>;
  resources(): Promise<readonly { readonly uri: string; readonly name: string }[]>;
  /** The text of a resource. */
  read(uri: string): Promise<string>;
  close(): Promise<void>;
}

/** `connect(url, credential)` for each client and era. */
export const MCP_CLIENTS: readonly (readonly [string, (url: string, who: Credential) => Promise<McpClient>])[] = [
  ["sdk 1.x", connectOld],
  ["client 2.x with initialize", (url, who) => connectNew(url, who, "legacy")],
  ["client 2.x, stateless", (url, who) => connectNew(url, who, { pin: "2026-07-28" })],
];

const INFO = { name: "test", version: "1" };

async function connectOld(url: string, credential: Credential): Promise<McpClient> {
  const client = new OldClient(INFO);
  const transport = new OldTransport(new URL("/mcp", url), { requestInit: { headers: { ...credential } } });
  // Its types are not made for exactOptionalPropertyTypes.
  await client.connect(transport as Parameters<OldClient["connect"]>[0]);
  return faceOf(client, transport.protocolVersion);
}

type Mode = "legacy" | "auto" | { pin: "2026-07-28" };

export async function connectNew(url: string, credential: Credential, mode: Mode): Promise<McpClient> {
  const client = new Client(INFO, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", url), {
    requestInit: { headers: { ...credential } },
  });
  await client.connect(transport);
  return faceOf(client as unknown as OldClient, client.getNegotiatedProtocolVersion());
}

/** The two packages have the same methods. */
function faceOf(client: OldClient, version: string | undefined): McpClient {
  return {
    version,
    tools: async () => (await client.listTools()).tools,
    async call(name, args = {}, onProgress) {
      const params = { name, arguments: { ...args } };
      const options = { timeout: 120_000, ...(onProgress && { onprogress: onProgress }) };
      const isNew = client instanceof Client;
      const answer = isNew
        ? await (client as unknown as Client).callTool(params, options)
        : await client.callTool(params, undefined, options);
      return answer as unknown as ToolAnswer;
    },
    resources: async () => (await client.listResources()).resources,
    async read(uri) {
      const [first] = (await client.readResource({ uri })).contents;
      return first !== undefined && "text" in first ? String(first.text) : "";
    },
    close: () => client.close(),
  };
}

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON-RPC messages of the answer, whether they came as JSON or as events. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into them
  readonly messages: any[];
}

/** Posts one message, or a text as it stands. */
export async function postMcp(
  url: string,
  message: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Posted> {
  const response = await fetch(new URL("/mcp", url), {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers },
    body: typeof message === "string" ? message : JSON.stringify(message),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, messages: messagesOf(text) };
}

/** The JSON-RPC messages of a body: its events, or itself. */
export function messagesOf(text: string): Posted["messages"] {
  if (text === "") return [];
  if (text.startsWith("{")) return [JSON.parse(text)];
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data && JSON.parse(data)).filter(Boolean);
}

/** A request of the era of `initialize`. */
export function request(method: string, params: object = {}, id: unknown = 1) {
  return { jsonrpc: "2.0", id, method, params };
}

export function toolCall(name: string, args: object = {}, id: unknown = 1) {
  return request("tools/call", { name, arguments: args }, id);
}
