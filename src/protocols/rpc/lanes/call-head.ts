// A call of one request as the pipeline sees it before its body is read; its signal is made only when somebody asks for it.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Interrupt } from "../../../domain/cancellation.ts";
import type { Exchange } from "../../../http/exchange.ts";
import type { CallHead, Wire } from "../../../pipeline/call.ts";
import { type CallSignal, createCallSignal, parseTimeout, timeoutHeader } from "../../../pipeline/deadline.ts";
import type { Lifecycle } from "../../../pipeline/lifecycle.ts";

export class LaneHead implements CallHead {
  readonly method: DescMethod;
  readonly wire: Wire;
  readonly deadline: number | undefined;
  /** Why the timeout header is no timeout; told only to callers that are admitted. */
  readonly invalidTimeout: unknown;
  readonly #exchange: Exchange;
  readonly #lifecycle: Lifecycle;
  #signal: CallSignal | undefined;
  #gone = false;
  #over = false;

  constructor(exchange: Exchange, method: DescMethod, wire: Wire, lifecycle: Lifecycle) {
    this.#exchange = exchange;
    this.#lifecycle = lifecycle;
    this.method = method;
    this.wire = wire;
    try {
      const timeout = parseTimeout(wire, exchange.header(timeoutHeader(wire)));
      this.deadline = timeout === undefined ? undefined : Date.now() + timeout;
    } catch (failure) {
      this.invalidTimeout = failure;
    }
    exchange.onGone(() => {
      this.#gone = true;
      if (!this.#over) this.#signal?.cancel();
    });
  }

  get address(): string {
    return this.#exchange.address;
  }

  header(name: string): string | undefined {
    return this.#exchange.header(name);
  }

  get signal(): AbortSignal {
    return this.#made().signal;
  }
  get interrupt(): Interrupt {
    return this.#made().interrupt;
  }

  /** The call is over. */
  release(): void {
    this.#over = true;
    this.#signal?.release();
  }

  #made(): CallSignal {
    if (this.#signal === undefined) {
      this.#signal = createCallSignal(this.deadline, this.#lifecycle.stopping);
      if (this.#gone) this.#signal.cancel();
    }
    return this.#signal;
  }
}
