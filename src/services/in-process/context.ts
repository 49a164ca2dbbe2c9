// A call's context as its nested calls see it.
import type { CallContext } from "../../pipeline/call/call.ts";

export type ContextChange = Partial<Pick<CallContext, "method" | "principal" | "idempotencyKey" | "wire">>;

/** The same call with some of its values changed. All else, also its headers, is the original's. */
export function deriveContext(context: CallContext, change: ContextChange): CallContext {
  return new DerivedContext(context, change);
}

class DerivedContext implements CallContext {
  readonly method: CallContext["method"];
  readonly idempotencyKey: CallContext["idempotencyKey"];
  readonly #base: CallContext;
  readonly #change: ContextChange;

  constructor(base: CallContext, change: ContextChange) {
    this.#base = base;
    this.#change = change;
    this.method = change.method ?? base.method;
    this.idempotencyKey = "idempotencyKey" in change ? change.idempotencyKey : base.idempotencyKey;
  }

  get principal() {
    return this.#change.principal ?? this.#base.principal;
  }
  onceOver(act: () => void): void {
    this.#base.onceOver(act);
  }
  onceSent(act: (received: boolean) => void): void {
    this.#base.onceSent(act);
  }
  get wire() {
    return this.#change.wire ?? this.#base.wire;
  }
  get requestId() {
    return this.#base.requestId;
  }
  get address() {
    return this.#base.address;
  }
  // Made on first use, so not copied.
  get signal() {
    return this.#base.signal;
  }
  get interrupt() {
    return this.#base.interrupt;
  }
  get deadline() {
    return this.#base.deadline;
  }
  get log() {
    return this.#base.log;
  }

  header(name: string): string | undefined {
    return this.#base.header(name);
  }

  setHeader(name: string, value: string): void {
    this.#base.setHeader(name, value);
  }

  setStatus(status: number): void {
    this.#base.setStatus(status);
  }

  flushHeaders(): void {
    this.#base.flushHeaders();
  }
  held(bytes: number): void {
    this.#base.held(bytes);
  }
}
