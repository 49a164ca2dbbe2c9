// Where the pieces of a streamed body go: past Node's response into the socket over HTTP/1.1, into the stream over
// HTTP/2.
import type { ServerResponse } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { HttpResponse } from "../response.ts";

export class BodyWriter {
  /** Whether pieces are to be chunks of HTTP/1.1 (RFC 9112 §7.1) already, with their sizes before them. */
  readonly chunked: boolean;
  readonly #target: Socket;

  private constructor(target: Socket | ServerResponse | ServerHttp2Stream, chunked: boolean) {
    // All of them can be written to, but TypeScript cannot call a union of overloads.
    this.#target = target as Socket;
    this.chunked = chunked;
  }

  /**
   * For a response whose headers have just been written. Node's response would make four writes of each piece: the
   * socket takes one that is a chunk as it is. A response that has to wait for another one on its connection has no
   * socket yet, and HTTP/1.0 knows no chunks: these are written to as usual.
   */
  static ofResponse(response: HttpResponse): BodyWriter {
    if ("stream" in response) return BodyWriter.ofStream(response.stream);
    const direct = response.socket !== null && response.chunkedEncoding;
    return new BodyWriter(direct ? response.socket : response, direct);
  }

  static ofStream(stream: ServerHttp2Stream): BodyWriter {
    return new BodyWriter(stream, false);
  }

  /** Whether what was written waits for the reader. */
  get isBehind(): boolean {
    return this.#target.writableNeedDrain;
  }

  /** False: the reader is behind, wait for {@link room}. What is written after the reader has gone is dropped. */
  write(piece: Uint8Array): boolean {
    const target = this.#target;
    if (target.destroyed || target.writableEnded) return false;
    if (piece.byteLength > 0) target.write(piece);
    return !target.writableNeedDrain;
  }

  /** Resolves when the reader has caught up, or the signal aborts, as it does when the reader disconnects. */
  room(signal: AbortSignal): Promise<void> {
    const target = this.#target;
    return new Promise((resolve) => {
      const done = () => {
        target.off("drain", done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      target.on("drain", done);
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted || !(target.destroyed || target.writableEnded || target.writableNeedDrain)) done();
    });
  }
}
