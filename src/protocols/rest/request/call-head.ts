// A REST request as the pipeline sees it before its body is read.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Form } from "../../../domain/protobuf/kept-list.ts";
import type { CallHead } from "../../../pipeline/call/call.ts";
import type { CallSignal } from "../../../pipeline/call/deadline.ts";
import { LazySignalHead } from "../../../pipeline/call/lazy-signal.ts";
import { afterSent } from "../../http/after-sent.ts";
import { addressOf, type HttpRequest, headerOf } from "../../http/request.ts";
import { type HttpResponse, isWhole } from "../../http/response.ts";
import type { Mount } from "../binding/mount.ts";
import { invalid, type RestProblem } from "../binding/problem.ts";

/** Makes the signal of a call. `deadline` is in milliseconds since 1970. */
export type CreateCallSignal = (deadline: number | undefined) => CallSignal;

/** The default: aborts when the client disconnects. */
export function createPlainSignal(): CallSignal {
  const controller = new AbortController();
  const { signal } = controller;
  return { signal, interrupt: signal, cancel: () => controller.abort(), release: () => {} };
}

/** How long the caller waits, in seconds, as Google's REST interfaces have it. */
const TIMEOUT_HEADER = "x-server-timeout";

/** The timeout in milliseconds. */
function readTimeout(header: string | string[] | undefined): number | RestProblem | undefined {
  if (header === undefined) return undefined;
  const text = String(header);
  if (/^\d{1,8}(?:\.\d{1,9})?$/.test(text)) return Number(text) * 1000;
  return invalid("header", TIMEOUT_HEADER, "must be a number of seconds, such as 2.5", "timeout");
}

export class RestHead extends LazySignalHead implements CallHead {
  readonly wire = "rest";
  readonly form: Form | undefined;
  readonly deadline: number | undefined;
  /** What is wrong with the caller's timeout. Reported only to callers that are admitted. */
  readonly badTimeout: RestProblem | undefined;
  readonly method: DescMethod;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #mount: Mount;
  readonly #query: string;
  readonly #createSignal: CreateCallSignal;
  readonly #onClose = () => {
    if (!isWhole(this.#response)) this.cancel();
  };

  constructor(
    method: DescMethod,
    request: HttpRequest,
    response: HttpResponse,
    mount: Mount,
    query: string,
    createSignal: CreateCallSignal,
    form?: Form,
  ) {
    super();
    this.form = form;
    this.method = method;
    this.#request = request;
    this.#response = response;
    this.#mount = mount;
    this.#query = query;
    this.#createSignal = createSignal;
    response.on("close", this.#onClose);
    const timeout = readTimeout(request.headers[TIMEOUT_HEADER]);
    if (typeof timeout === "object") this.badTimeout = timeout;
    else if (timeout !== undefined) this.deadline = Date.now() + timeout;
  }

  onceSent(act: (received: boolean) => void): void {
    afterSent(this.#request, this.#response, act);
  }

  header(name: string): string | undefined {
    return this.#mount.header?.(name, this.#request, this.#query) ?? headerOf(this.#request, name);
  }

  get headersOnly(): boolean {
    return this.#request.method === "HEAD";
  }

  get address(): string {
    return addressOf(this.#request);
  }

  protected makeSignal(): CallSignal {
    return this.#createSignal(this.deadline);
  }

  override release(): void {
    this.#response.off("close", this.#onClose);
    super.release();
  }
}
