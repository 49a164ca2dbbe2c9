// A connection to an MCP server by the official client: lists its tools, and calls them.

import { AsyncLocalStorage } from "node:async_hooks";
import type { CallToolResult, jsonSchemaValidator, Tool } from "@modelcontextprotocol/client";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { WebFetch } from "../../../outbound/web-fetch.ts";

export interface McpSession {
  /** The server's tools, as far as the bounds allow. */
  list(limits: ListLimits, signal: AbortSignal): Promise<Tool[]>;
  call(name: string, args: Record<string, unknown>, timeoutMs: number, signal: AbortSignal): Promise<CallToolResult>;
  close(): Promise<void>;
}

export interface ListLimits {
  readonly tools: number;
  readonly timeoutMs: number;
}

/** How long the client has to take in an answer that it has read to its end, in milliseconds. */
const AFTER_END_MS = 1_000;

/** Pages of a list of tools. */
const MAX_PAGES = 20;

/** What a tool promises of its results is not checked: the model reads them as they come. */
const NO_VALIDATION = {
  getValidator: () => (input: unknown) => ({ valid: true, data: input, errorMessage: undefined }),
} as jsonSchemaValidator;

/** Connects, in whichever revision of the protocol the server speaks. */
export async function openMcpSession(
  url: string,
  credential: string | undefined,
  { fetch }: Pick<WebFetch, "fetch">,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<McpSession> {
  const client = new Client(
    { name: "colloquy", version: "1" },
    { versionNegotiation: { mode: "auto" }, jsonSchemaValidator: NO_VALIDATION },
  );
  // The client waits on for a call whose answer broke off, in case the server sends it again elsewhere.
  const calls = new AsyncLocalStorage<AbortController>();
  const headers: Record<string, string> = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers, redirect: "manual" },
    // No stream stays open for what the server says by itself.
    async fetch(to, init) {
      if (init?.method === "GET") return new Response(null, { status: 405 });
      const call = calls.getStore();
      return fetch(to, init, (error) => {
        if (error !== undefined) call?.abort(error);
        else setTimeout(() => call?.abort(new Error("the answer ended without a result")), AFTER_END_MS).unref();
      });
    },
  });
  await client.connect(transport, { timeout: timeoutMs, signal });
  return {
    async list({ tools: max, timeoutMs: timeout }, listSignal) {
      const tools: Tool[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < MAX_PAGES && tools.length < max; page++) {
        const params = { cursor: cursor ?? "" };
        const answer = await client.listTools(cursor === undefined ? undefined : params, {
          timeout,
          signal: listSignal,
          cacheMode: "bypass",
        });
        tools.push(...answer.tools);
        cursor = answer.nextCursor;
        if (cursor === undefined) break;
      }
      return tools.slice(0, max);
    },
    async call(name, args, timeout, callSignal) {
      const broken = new AbortController();
      const stop = AbortSignal.any([callSignal, broken.signal]);
      const limits = { timeout, maxTotalTimeout: timeout, signal: stop };
      try {
        return await calls.run(broken, () => client.callTool({ name, arguments: args }, limits));
      } catch (error) {
        throw broken.signal.aborted ? broken.signal.reason : error;
      }
    },
    close: () => client.close(),
  };
}
