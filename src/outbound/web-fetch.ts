// Fetch as the web has it, for packages that bring their own protocol: allowed addresses only, and bodies within
// bounds.
import { fetch as undiciFetch } from "undici";
import type { FetchRules } from "./bounded-fetch.ts";
import { createGuardedAgent } from "./guarded-agent.ts";
import { ResponseTooLarge } from "./response-too-large.ts";

export interface WebFetch {
  /**
   * Follows no redirect: 3xx is a response like others. Reading a body past the bound throws {@link ResponseTooLarge}.
   * @param ended told when a body is read to its end, or breaks off
   */
  readonly fetch: (url: string | URL, init?: RequestInit, ended?: (error?: unknown) => void) => Promise<Response>;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

export function createWebFetch({ maxBytes, extraHeaders, ...rules }: FetchRules): WebFetch {
  const dispatcher = createGuardedAgent(rules, -1);
  return {
    async fetch(url, { method = "GET", headers, body: sent, signal } = {}, ended = () => {}) {
      const response = await undiciFetch(String(url), {
        method,
        headers: { ...extraHeaders?.(), ...Object.fromEntries(new Headers(headers)), "accept-encoding": "identity" },
        body: typeof sent === "string" ? sent : null,
        signal: signal ?? null,
        redirect: "manual",
        dispatcher,
      });
      const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
      const init = { status: response.status, headers: [...response.headers] };
      return new Response(body && bounded(body, maxBytes, ended), init as ResponseInit);
    },
    close: () => dispatcher.destroy(),
  };
}

/** The same bytes, as far as the bound goes. */
function bounded(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  ended: (error?: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let size = 0;
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return ended();
        }
        size += value.length;
        if (size > maxBytes) throw new ResponseTooLarge(`the response has more than ${maxBytes} bytes`);
        controller.enqueue(value);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        controller.error(error);
        ended(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
