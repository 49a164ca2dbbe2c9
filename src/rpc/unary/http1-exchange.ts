// An exchange over HTTP/1.1, on Node's request and response.
import type { IncomingMessage, ServerResponse } from "node:http";
import { addressOf, headerOf, toWrite } from "../http.ts";
import { releaseBody } from "../request-body.ts";
import type { BodyLimits, Exchange, Overlong, WholeAnswer } from "./exchange.ts";
import { readBody } from "./read-body.ts";

export class Http1Exchange implements Exchange {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #answered = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  get method(): string {
    return this.#request.method ?? "";
  }
  get target(): string {
    return this.#request.url ?? "";
  }
  get address(): string {
    return addressOf(this.#request);
  }

  header(name: string): string | undefined {
    return headerOf(this.#request, name);
  }

  onGone(callback: () => void): void {
    const response = this.#response;
    response.on("close", () => {
      if (!this.#answered) callback();
    });
    // That the client went away is seen by "close"; but an error without a listener would end the process.
    response.on("error", ignore);
  }

  async read(limits: BodyLimits): Promise<Buffer | Overlong> {
    // The usual case: it came in one packet with its headers. Node asks for the answer after the headers, and reads on
    // before the next microtask.
    await undefined;
    const request = this.#request;
    // All of it is there before Node says that it is complete.
    const { readableLength } = request;
    const whole = request.complete || (readableLength > 0 && Number(this.header("content-length")) === readableLength);
    if (whole && readableLength <= limits.maxBytes) return takeAll(request);
    return readBody(request, limits);
  }

  send({ status, headers, body }: WholeAnswer): void {
    this.#answered = true;
    const response = this.#response;
    response.writeHead(status, headers);
    response.end(toWrite(body));
  }

  destroy(): void {
    this.#response.destroy();
  }

  release(): void {
    releaseBody(this.#request);
  }
}

const EMPTY = Buffer.alloc(0);

/** All that is there. Node's `read` gives one chunk of it, and a body has as many as its framing and its packets made. */
function takeAll(request: IncomingMessage): Buffer {
  const first = request.read() as Buffer | null;
  if (first === null || request.readableLength === 0) return first ?? EMPTY;
  const chunks = [first];
  for (let next: Buffer | null = request.read(); next !== null; next = request.read()) chunks.push(next);
  return Buffer.concat(chunks);
}

function ignore(): void {}
