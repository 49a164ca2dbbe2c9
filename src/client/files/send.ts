// Sends one request with bytes, and tells how many are sent: with XMLHttpRequest in browsers, where fetch cannot tell,
// and with fetch elsewhere.
import { Code, ConnectError } from "@connectrpc/connect";

export interface SendOptions {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Blob | ReadableStream<Uint8Array> | undefined;
  /** Told how many bytes of the body are sent. */
  readonly onSent?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: what the platform has. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** Whether a body may be a stream: browsers send none over HTTP/1.1. */
export const SENDS_STREAMS =
  typeof globalThis.XMLHttpRequest === "undefined" && !("ServiceWorkerGlobalScope" in globalThis);

/**
 * Rejects with a ConnectError: what {@link ended} gives if the signal ends it, and `Unavailable` if the connection is
 * lost.
 */
export async function sendBytes(url: URL, { fetch, ...options }: SendOptions): Promise<Response> {
  const { body, onSent, signal } = options;
  if (signal?.aborted) throw ended(signal);
  if (body instanceof Blob && onSent !== undefined && fetch === undefined && !SENDS_STREAMS) {
    if (typeof XMLHttpRequest !== "undefined") return withXhr(url, options, body, onSent);
  }
  const { method, headers } = options;
  const isStream = body instanceof ReadableStream;
  const streamed =
    body !== undefined && (isStream || (SENDS_STREAMS && onSent !== undefined))
      ? counted(isStream ? body : body.stream(), onSent)
      : undefined;
  try {
    return await (fetch ?? globalThis.fetch)(url, {
      method,
      headers,
      ...(body !== undefined && { body: (streamed ?? body) as BodyInit }),
      ...(streamed !== undefined && { duplex: "half" }),
      ...(signal !== undefined && { signal }),
    } as RequestInit);
  } catch (error) {
    throw lost(error, signal);
  }
}

function counted(
  stream: ReadableStream<Uint8Array>,
  onSent: ((bytes: number) => void) | undefined,
): ReadableStream<Uint8Array> {
  let sent = 0;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        sent += chunk.byteLength;
        onSent?.(sent);
      },
    }),
  );
}

function withXhr(
  url: URL,
  { method, headers, signal }: SendOptions,
  body: Blob,
  onSent: (bytes: number) => void,
): Promise<Response> {
  const xhr = new XMLHttpRequest();
  const abort = () => xhr.abort();
  xhr.open(method, url);
  xhr.responseType = "arraybuffer";
  for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
  xhr.upload.onprogress = ({ loaded }) => onSent(Math.min(loaded, body.size));
  const answered = new Promise<Response>((resolve, reject) => {
    xhr.onload = () => {
      const empty = xhr.status === 204 || xhr.status === 304;
      resolve(
        new Response(empty ? null : (xhr.response as ArrayBuffer), { status: xhr.status, headers: headersOf(xhr) }),
      );
    };
    xhr.onerror = () => reject(lost(new TypeError("the connection was lost"), signal));
    xhr.onabort = () => reject(lost(new TypeError("the connection was lost"), signal));
  });
  signal?.addEventListener("abort", abort, { once: true });
  xhr.send(body);
  return answered.finally(() => signal?.removeEventListener("abort", abort));
}

function headersOf(xhr: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().split("\r\n")) {
    const at = line.indexOf(": ");
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 2));
  }
  return headers;
}

/**
 * The error of what a signal ended, as that of every other call: its code says whether in time or by hand, its cause is
 * the signal's reason.
 */
export function ended({ reason }: AbortSignal): ConnectError {
  if (reason instanceof ConnectError) return reason;
  const isLate = reason instanceof Error && reason.name === "TimeoutError";
  const message = reason instanceof Error ? reason.message : "the call was cancelled";
  return new ConnectError(message, isLate ? Code.DeadlineExceeded : Code.Canceled, undefined, undefined, reason);
}

/** @returns what the signal ended, or an error that may be gone the next time */
export function lost(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return ended(signal);
  const message = error instanceof Error ? error.message : String(error);
  return new ConnectError(message, Code.Unavailable, undefined, undefined, error);
}
