// A REST request as the pipeline sees it before its body is read.
import type { DescMethod } from "@bufbuild/protobuf";
import { addressOf, type HttpRequest, headerOf } from "../../../http/request.ts";
import type { HttpResponse } from "../../../http/response.ts";
import type { CallHead } from "../../../pipeline/call.ts";
import type { Mount } from "../binding/mount.ts";
import { invalid, type RestProblem } from "../binding/problem.ts";

/** The signal of one call, and the means to abort it. */
export interface CallSignal {
  readonly signal: AbortSignal;
  /** The same, for those who need no AbortSignal. */
  readonly interrupt: CallHead["interrupt"];
  /** The client went away. */
  cancel(): void;
  /** The call is over: timers and listeners go. */
  release(): void;
}

/** Makes the signal of a call. `deadline` is in milliseconds since 1970. */
export type CreateCallSignal = (deadline: number | undefined) => CallSignal;

/** The default: aborts when the client goes away. */
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

/** One object for each call; its signal is made only when somebody asks for it. */
export class RestHead implements CallHead {
  readonly wire = "rest";
  readonly deadline: number | undefined;
  /** What is wrong with the timeout that the caller named: told only to callers that are admitted. */
  readonly badTimeout: RestProblem | undefined;
  readonly method: DescMethod;
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #mount: Mount;
  readonly #query: string;
  readonly #createSignal: CreateCallSignal;
  #signal: CallSignal | undefined;
  #gone = false;
  readonly #onClose = () => this.#closed();

  constructor(
    method: DescMethod,
    request: HttpRequest,
    response: HttpResponse,
    mount: Mount,
    query: string,
    createSignal: CreateCallSignal,
  ) {
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

  header(name: string): string | undefined {
    return this.#mount.header?.(name, this.#request, this.#query) ?? headerOf(this.#request, name);
  }

  get address(): string {
    return addressOf(this.#request);
  }

  get signal(): AbortSignal {
    return this.#made().signal;
  }

  get interrupt(): CallHead["interrupt"] {
    return this.#made().interrupt;
  }

  /** The call is over. */
  release(): void {
    this.#response.off("close", this.#onClose);
    this.#signal?.release();
  }

  #made(): CallSignal {
    if (this.#signal === undefined) {
      this.#signal = this.#createSignal(this.deadline);
      if (this.#gone) this.#signal.cancel();
    }
    return this.#signal;
  }

  #closed(): void {
    if (this.#response.writableFinished) return;
    this.#gone = true;
    this.#signal?.cancel();
  }
}
