// Downloads a file, over any number of broken connections.
import { Code, ConnectError } from "@connectrpc/connect";
import { type Persistence, persist, type Try } from "./persist.ts";
import type { Rest } from "./rest.ts";
import { lost } from "./send.ts";

export interface DownloadOptions {
  /** Told how many bytes have come, of how many. */
  readonly onProgress?: (received: number, total: number) => void;
  /** Ends the download. */
  readonly signal?: AbortSignal;
}

/** Headers of the first answer that are those of the file. */
const HEADERS = ["content-type", "content-length", "content-disposition", "etag"];

/**
 * Resolves when the file begins to come: read the response as that of `fetch`, with `blob()`, `bytes()` or `body`. Its
 * bytes go on where they stopped when the connection breaks. Rejects with a ConnectError: NOT_FOUND for a file that the
 * caller does not see, or no longer.
 */
export async function downloadFile(
  { rest, persistence }: { readonly rest: Rest; readonly persistence: Persistence },
  fileId: string,
  { onProgress, signal }: DownloadOptions,
): Promise<Response> {
  const path = `v1/files/${encodeURIComponent(fileId)}/content`;
  const open = (offset: number) =>
    rest.request(offset === 0 ? path : `${path}?offset=${offset}`, { method: "GET", signal });
  const first = await persist(persistence, signal, () => open(0));
  const headers = new Headers();
  for (const name of HEADERS) {
    const value = first.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const total = Number(first.headers.get("content-length"));
  let received = 0;
  let reader = first.body?.getReader();

  const next = async ({ attempt }: Try): Promise<Uint8Array | undefined> => {
    if (received >= total) return undefined;
    // Begun anew where the last one broke.
    if (attempt > 0) reader = (await open(received)).body?.getReader();
    const { done, value } = (await reader?.read().catch((error: unknown) => Promise.reject(lost(error, signal)))) ?? {};
    if (value !== undefined) return value;
    if (done === true) throw new ConnectError("the file ended early", Code.Unavailable);
    throw new ConnectError("the answer has no body", Code.Internal);
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await persist(persistence, signal, next);
        if (chunk === undefined) return controller.close();
        received += chunk.byteLength;
        onProgress?.(received, total);
        controller.enqueue(chunk);
      },
      async cancel(reason) {
        await reader?.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers });
}
