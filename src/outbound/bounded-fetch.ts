// The fetch for everything that this server asks of others: bytes are counted as they come and once more unpacked.
import { errors, fetch as undiciFetch } from "undici";
import { type ConnectRules, createGuardedAgent } from "./guarded-agent.ts";
import { ResponseTooLarge } from "./response-too-large.ts";

export interface FetchRules extends ConnectRules {
  /** Maximum bytes of a response body on the wire, and again decompressed. */
  readonly maxBytes: number;
  /** Headers that go with each request, such as those of a trace. Default: none. */
  readonly extraHeaders?: (() => Readonly<Record<string, string>>) | undefined;
}

export interface FetchRequest {
  readonly method?: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | LongBody;
  readonly signal: AbortSignal;
}

/** A body that is read while it is sent. */
export interface LongBody extends AsyncIterable<Uint8Array> {
  /** In bytes. */
  readonly length: number;
}

export interface FetchedResponse {
  readonly status: number;
  /** A header's value; undefined if there is none. */
  header(name: string): string | undefined;
  /** The body, unpacked. Throws {@link ResponseTooLarge} past the bound; leaving it early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body as text. Throws {@link ResponseTooLarge} past the bound. */
  text(): Promise<string>;
  /** The first bytes of the body as text, at most so many; the rest is not read. */
  start(bytes: number): Promise<string>;
}

export interface BoundedFetch {
  /**
   * Asks, with no time limit but the signal's. Follows no redirect: 3xx is a response like others. Rejects with what
   * undici says of a connection that fails, and with {@link ResponseTooLarge}.
   */
  fetch(url: string, request: FetchRequest): Promise<FetchedResponse>;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

/** What is unpacked though nobody asked for it. A window of zstd may take 128 MiB; several layers multiply. */
const CODINGS: readonly (string | undefined)[] = [undefined, "", "identity", "gzip", "x-gzip", "deflate", "br"];

export function createBoundedFetch({ maxBytes, extraHeaders, ...rules }: FetchRules): BoundedFetch {
  const dispatcher = createGuardedAgent(rules, maxBytes);
  const tooLarge = () => new ResponseTooLarge(`the response has more than ${maxBytes} bytes`);

  return {
    async fetch(url, { headers, body: sent, ...request }) {
      const asked = {
        ...request,
        ...(sent !== undefined && { body: sent }),
        // The length is told, for some servers take no chunks.
        ...(typeof sent === "object" && { duplex: "half" as const }),
        headers: {
          "accept-encoding": "identity",
          ...extraHeaders?.(),
          ...headers,
          ...(typeof sent === "object" && { "content-length": String(sent.length) }),
        },
      };
      const response = await undiciFetch(url, { ...asked, dispatcher, redirect: "manual" });
      const header = (name: string) => response.headers.get(name) ?? undefined;
      const coding = header("content-encoding")?.trim().toLowerCase();
      const refused = CODINGS.includes(coding)
        ? Number(header("content-length")) > maxBytes && tooLarge()
        : new ResponseTooLarge("the response has a content encoding that was not requested");
      if (refused) {
        await response.body?.cancel().catch(() => {});
        throw refused;
      }
      async function* body(): AsyncGenerator<Uint8Array> {
        let size = 0;
        try {
          for await (const chunk of response.body ?? []) {
            size += chunk.length;
            if (size > maxBytes) throw tooLarge();
            yield chunk;
          }
        } catch (error) {
          throw isOverSize(error) ? tooLarge() : error;
        }
      }
      return {
        status: response.status,
        header,
        body: { [Symbol.asyncIterator]: body },
        async text() {
          const chunks: Uint8Array[] = [];
          for await (const chunk of body()) chunks.push(chunk);
          return Buffer.concat(chunks).toString("utf8");
        },
        async start(bytes) {
          const chunks: Uint8Array[] = [];
          let left = bytes;
          for await (const chunk of body()) {
            chunks.push(chunk.subarray(0, left));
            left -= chunk.length;
            if (left <= 0) break;
          }
          return Buffer.concat(chunks).toString("utf8");
        },
      };
    },
    close: () => dispatcher.destroy(),
  };
}

function isOverSize(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof errors.ResponseExceededMaxSizeError) return true;
  }
  return false;
}
