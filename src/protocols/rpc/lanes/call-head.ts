// A call of one request as the pipeline sees it before its body is read.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Form } from "../../../domain/protobuf/kept-list.ts";
import type { CallHead, Wire } from "../../../pipeline/call/call.ts";
import { type CallSignal, createCallSignal, parseTimeout, timeoutHeader } from "../../../pipeline/call/deadline.ts";
import { LazySignalHead } from "../../../pipeline/call/lazy-signal.ts";
import type { Lifecycle } from "../../../pipeline/lifecycle.ts";
import type { Exchange } from "../../http/exchange.ts";

export class LaneHead extends LazySignalHead implements CallHead {
  readonly method: DescMethod;
  readonly wire: Wire;
  readonly form: Form | undefined;
  readonly deadline: number | undefined;
  /** Why the timeout header is invalid. Reported only to callers that are admitted. */
  readonly invalidTimeout: unknown;
  readonly #exchange: Exchange;
  readonly #lifecycle: Lifecycle;

  constructor(exchange: Exchange, method: DescMethod, wire: Wire, lifecycle: Lifecycle, form?: Form) {
    super();
    this.#exchange = exchange;
    this.#lifecycle = lifecycle;
    this.method = method;
    this.wire = wire;
    this.form = form;
    try {
      const timeout = parseTimeout(wire, exchange.header(timeoutHeader(wire)));
      this.deadline = timeout === undefined ? undefined : Date.now() + timeout;
    } catch (failure) {
      this.invalidTimeout = failure;
    }
    exchange.onGone(() => this.cancel());
  }

  get address(): string {
    return this.#exchange.address;
  }

  header(name: string): string | undefined {
    return this.#exchange.header(name);
  }

  protected makeSignal(): CallSignal {
    return createCallSignal(this.deadline, this.#lifecycle.stopping);
  }
}
