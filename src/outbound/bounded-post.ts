// Sends a body by POST and reads the beginning of the response, for receivers of which only the status matters.
import type { Dispatcher } from "undici";
import { type ConnectRules, createGuardedAgent } from "./guarded-agent.ts";
import { isIdleLoss } from "./idle-losses.ts";

export interface PostRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

export interface PostedResponse {
  readonly status: number;
  /** A header's value; undefined if there is none. */
  header(name: string): string | undefined;
  /** The beginning of the body as it came, not unpacked. */
  readonly start: string;
}

export interface BoundedPost {
  /**
   * Resolves once the status is known and the beginning of the body was read. Follows no redirect. A request is sent a
   * second time at once where a connection that was kept from an earlier one is lost before anything comes in answer.
   * Rejects with the signal's reason, what undici says, or what `checkHost` and `lookup` throw.
   */
  post(request: PostRequest): Promise<PostedResponse>;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

/** How many bytes may come in answer to one request in all, whatever they are; the first ones are not counted. */
const ANSWER_BYTES = 1 << 18;
/** How long the beginning of a body may take after the headers, in milliseconds. */
const BODY_MS = 1_000;

/** @param startBytes how much of a body is read */
export function createBoundedPost(rules: ConnectRules, startBytes: number): BoundedPost {
  const agent = createGuardedAgent(rules, -1, ANSWER_BYTES);

  async function once({ url, headers, body, signal }: PostRequest): Promise<PostedResponse> {
    const path = url.pathname + url.search;
    const asked = agent.request({ origin: url.origin, path, method: "POST", headers, body, signal });
    const response = await untilAborted(asked, signal);
    const values = response.headers;
    return {
      status: response.statusCode,
      header(name) {
        const value = values[name];
        return Array.isArray(value) ? value[0] : value;
      },
      start: await startOf(response.body, startBytes),
    };
  }

  return {
    async post(request) {
      try {
        return await once(request);
      } catch (error) {
        if (!isIdleLoss(error) || request.signal.aborted) throw error;
        return await once(request);
      }
    },
    close: () => agent.destroy(),
  };
}

/** The same, or the signal's reason at once: undici heeds it only once there is a connection. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** The first bytes of a body. What is left of it is not read; what breaks it off does no harm. */
async function startOf(body: Dispatcher.ResponseData["body"], bytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = bytes;
  const late = setTimeout(() => body.destroy(), BODY_MS);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) break;
    }
  } catch {
    // The status is what counts.
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString("utf8");
}
