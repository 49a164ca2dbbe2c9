// An exchange over HTTP/2, on Node's stream itself: its compatibility layer costs more than all the rest of a short
// call.
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { LINGER_MS } from "./body/linger.ts";
import { RequestBody } from "./body/request-body.ts";
import type { BodyRules } from "./body/rules.ts";
import type { Exchange, WholeResponse } from "./exchange.ts";
import { toWrite } from "./response.ts";

export class Http2Exchange implements Exchange {
  readonly body: RequestBody;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  #answered = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rules: BodyRules) {
    this.body = new RequestBody(stream, () => stream.session, rules);
    this.#stream = stream;
    this.#headers = headers;
  }

  get method(): string {
    return this.header(":method") ?? "";
  }
  get target(): string {
    return this.header(":path") ?? "";
  }
  get address(): string {
    return this.#stream.session?.socket.remoteAddress ?? "";
  }

  header(name: string): string | undefined {
    const value = this.#headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  onGone(callback: () => void): void {
    const stream = this.#stream;
    stream.on("close", () => {
      if (!this.#answered) callback();
    });
  }

  send({ status, headers, body, trailers }: WholeResponse): void {
    this.#answered = true;
    const stream = this.#stream;
    // The client may have reset it meanwhile.
    if (stream.destroyed || stream.closed) return;
    if (trailers !== undefined && body.length === 0) {
      // gRPC's Trailers-Only: one frame is the whole response.
      stream.respond(listOf(status, { ...headers, ...trailers }), { endStream: true });
      return;
    }
    stream.respond(listOf(status, headers), { waitForTrailers: trailers !== undefined });
    if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    stream.end(toWrite(body, 0));
  }

  destroy(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  release(): void {
    this.body.release();
    const stream = this.#stream;
    if (stream.readableEnded || stream.destroyed) return;
    stream.resume();
    // RFC 9113 §8.1: the response is complete, so this asks the client to stop sending, without an error.
    const linger = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), LINGER_MS).unref();
    stream.once("close", () => clearTimeout(linger));
  }
}

/** Headers in the form that Node need not copy twice. */
function listOf(status: number, headers: WholeResponse["headers"]): string[] {
  const list = [":status", String(status)];
  for (const name in headers) list.push(name, headers[name] as string);
  return list;
}
