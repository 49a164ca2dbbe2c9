// An exchange over HTTP/1.1, on Node's request and response.
import type { IncomingMessage, ServerResponse } from "node:http";
import { releaseBody } from "./body/linger.ts";
import { RequestBody } from "./body/request-body.ts";
import type { BodyRules } from "./body/rules.ts";
import type { Exchange, WholeResponse } from "./exchange.ts";
import { addressOf, headerOf } from "./request.ts";
import { toWrite } from "./response.ts";

export class Http1Exchange implements Exchange {
  readonly body: RequestBody;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #answered = false;

  constructor(request: IncomingMessage, response: ServerResponse, rules: BodyRules) {
    this.body = RequestBody.of(request, rules);
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
    // "close" reports that the client disconnected; an error without a listener would end the process.
    response.on("error", ignore);
  }

  send({ status, headers, body }: WholeResponse): void {
    this.#answered = true;
    const response = this.#response;
    response.writeHead(status, headers);
    response.end(toWrite(body));
  }

  destroy(): void {
    this.#response.destroy();
  }

  release(): void {
    this.body.release();
    releaseBody(this.#request);
  }
}

function ignore(): void {}
