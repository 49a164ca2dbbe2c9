// A call's context as its nested calls see it.
import { isDeepStrictEqual } from "node:util";
import { accessRefused, ErrorReason } from "../../domain/errors.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";

/**
 * The principal of a call in the middle of it, given what authentication says now. One that another API has put in the
 * place of the caller, such as the member for which a trusted back end acts, stays for as long as the caller is the same
 * and has the same rights. Throws PERMISSION_DENIED if it has others.
 */
export function renewedFor(context: CallContext, now: Principal): Principal {
  if (!(context instanceof DerivedContext) || context.principal === context.admitted) return now;
  if (isDeepStrictEqual(context.admitted, now)) return context.principal;
  throw accessRefused(ErrorReason.PERMISSION_DENIED, "the caller's rights have changed; begin again");
}

export type ContextChange = Partial<
  Pick<CallContext, "method" | "principal" | "idempotencyKey" | "fingerprint" | "wire">
>;

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

  /** Who called, before another API spoke for somebody else. */
  get admitted(): Principal {
    return this.#base instanceof DerivedContext ? this.#base.admitted : this.#base.principal;
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
  get fingerprint() {
    return this.#change.fingerprint ?? this.#base.fingerprint;
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
