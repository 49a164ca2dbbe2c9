// Who is doing what right now, as signals and entries of a log tell it.
import type { Event } from "../../gen/colloquy/v1/event_pb.ts";
import type { Signal } from "../../gen/colloquy/v1/signal_pb.ts";

/** A signal is over so long after it came, in milliseconds. */
const SIGNAL_MS = 8_000;

/**
 * Keeps the signals that hold. Pass it each signal and each entry of a subscription; `onChange` is told when one comes
 * or goes: when it ends, when its sender's message is there, when its sender is removed, or 8 seconds after it came.
 */
export class ActiveSignals {
  readonly #onChange: () => void;
  readonly #active = new Map<string, { readonly signal: Signal; readonly timer: ReturnType<typeof setTimeout> }>();

  constructor(onChange: () => void = () => {}) {
    this.#onChange = onChange;
  }

  /** Those that hold, oldest first. */
  get signals(): Signal[] {
    return [...this.#active.values()].map(({ signal }) => signal);
  }

  onSignal(signal: Signal): void {
    const key = keyOf(signal);
    const known = this.#forget(key);
    if (signal.ended) {
      if (known) this.#onChange();
      return;
    }
    const timer = setTimeout(() => {
      if (this.#forget(key)) this.#onChange();
    }, SIGNAL_MS);
    this.#active.set(key, { signal, timer });
    this.#onChange();
  }

  onEvent({ conversationId, actor, change }: Event): void {
    const removed = change.case === "participantRemoved" ? change.value.memberId : undefined;
    if (change.case !== "messageSent" && removed === undefined) return;
    const gone = [...this.#active].filter(
      ([, { signal }]) =>
        signal.conversationId === conversationId &&
        (removed === undefined
          ? signal.actor?.type === actor?.type && signal.actor?.id === actor?.id
          : signal.actor?.id === removed),
    );
    for (const [key] of gone) this.#forget(key);
    if (gone.length > 0) this.#onChange();
  }

  /** Forgets all, such as at the end of a subscription. */
  clear(): void {
    for (const key of [...this.#active.keys()]) this.#forget(key);
  }

  #forget(key: string): boolean {
    clearTimeout(this.#active.get(key)?.timer);
    return this.#active.delete(key);
  }
}

function keyOf({ conversationId, actor, name }: Signal): string {
  return JSON.stringify([conversationId, actor?.type, actor?.id, name]);
}
