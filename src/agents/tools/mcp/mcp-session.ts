// A connection to an MCP server by the official client: lists its tools, and calls them.

import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { CallToolResult, jsonSchemaValidator, Tool } from "@modelcontextprotocol/client";
import { Client, StreamableHTTPClientTransport, specTypeSchemas } from "@modelcontextprotocol/client";
import { z } from "zod";
import type { WebFetch } from "../../../outbound/web-fetch.ts";

export interface McpSession {
  /** The server's tools, as far as the bounds allow. What is no tool is left out. */
  list(limits: ListLimits, signal: AbortSignal): Promise<Tool[]>;
  call(name: string, args: Record<string, unknown>, timeoutMs: number, signal: AbortSignal): Promise<CallToolResult>;
  close(): Promise<void>;
}

export interface ListLimits {
  readonly tools: number;
  /** Whether a tool of this name is wanted. Others do not count. */
  readonly wants: (name: string) => boolean;
  readonly timeoutMs: number;
  /** Told of what is left out: its name, as far as it has one, and the rule that it breaks. */
  readonly onBad: (name: string, why: string) => void;
}

/** How long the client has to take in a response that it has read to its end, in milliseconds. */
const AFTER_END_MS = 1_000;

/** How long a server has to end a session, in milliseconds. */
const END_MS = 2_000;

/** Pages of a list of tools. */
const MAX_PAGES = 20;

/**
 * A page of a list: each of its tools is read by itself, so that one that is wrong does not take the others with it.
 */
const TOOLS_PAGE = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

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
    async list({ tools: max, wants, timeoutMs: timeout, onBad }, listSignal) {
      const tools: Tool[] = [];
      let cursor: string | undefined;
      const cursors = new Set<string>();
      for (let page = 0; page < MAX_PAGES && tools.length < max; page++) {
        const params = cursor === undefined ? {} : { params: { cursor } };
        const request = { method: "tools/list", ...params };
        const response = await client.request(request, TOOLS_PAGE, { timeout, signal: listSignal });
        for (const value of response.tools) {
          const tool = await readTool(value, onBad);
          if (tool !== undefined && wants(tool.name)) tools.push(tool);
        }
        cursor = response.nextCursor;
        // Some servers return the same cursor for ever.
        if (cursor === undefined || cursors.has(cursor)) break;
        cursors.add(cursor);
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
    async close() {
      // Servers keep a session until they are told. One that is away, or does not let clients end sessions, is no matter.
      const ended = transport.terminateSession().catch(() => {});
      await Promise.race([ended, sleep(END_MS, undefined, { ref: false })]);
      await client.close();
    },
  };
}

/** How much of a tool's own words is told, in characters. */
const MAX_WORDS = 200;

async function readTool(value: unknown, onBad: ListLimits["onBad"]): Promise<Tool | undefined> {
  const read = await specTypeSchemas.Tool["~standard"].validate(value);
  if (read.issues === undefined) return read.value;
  const { name } = (value ?? {}) as { name?: unknown };
  const [issue] = read.issues;
  const path = (issue?.path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  onBad(typeof name === "string" ? name.slice(0, MAX_WORDS) : "", `${path}: ${issue?.message}`.slice(0, MAX_WORDS));
  return undefined;
}
