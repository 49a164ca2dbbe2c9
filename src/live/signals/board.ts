// The current signals on this server: those sent here and those of other servers, until they expire.
import { type Count, Windows } from "../../domain/fixed-window.ts";
import { type KeptSignal, SIGNAL_EVERY_MS, SIGNAL_MS, type Signal } from "./signal.ts";

/** Signals kept at a time, and senders whose limits are. Beyond that signals are dropped, and limits forgotten. */
const MAX_SIGNALS = 10_000;
/** Of one tenant, so that its crowd leaves room for the others. */
const MAX_OF_TENANT = 5_000;
const MAX_SENDERS = 100_000;
const SWEEP_EVERY_MS = 1_000;

/** Called when the conversation has a new signal. */
export type OnSignal = (conversationId: string) => void;

export class SignalBoard {
  /** By tenant, conversation, and actor with name: a later one takes the place of an earlier one. */
  readonly #tenants = new Map<string, Map<string, Room>>();
  readonly #listeners = new Map<string, Set<OnSignal>>();
  readonly #senders = new Windows({
    points: 1,
    lengthMs: SIGNAL_EVERY_MS,
    now: () => performance.now(),
    max: MAX_SENDERS,
  });
  /** By tenant. */
  readonly #counts = new Map<string, number>();
  #count = 0;
  #last = 0;
  #sweeping: NodeJS.Timeout | undefined;

  /** The number of the last signal. */
  get last(): number {
    return this.#last;
  }

  /** Counts a signal against the limit of its sender, wherever it was sent. */
  admit({ tenantId, conversationId, actor }: Pick<Signal, "tenantId" | "conversationId" | "actor">): Count {
    return this.#senders.take(JSON.stringify([tenantId, conversationId, actor]));
  }

  /** Whether such a signal holds, so that there is one to end. */
  holds({ tenantId, conversationId, actor, name }: Signal): boolean {
    const kept = this.#tenants.get(tenantId)?.get(conversationId)?.signals.get(keyOf(actor, name));
    return kept !== undefined && !kept.ended && kept.expires > performance.now();
  }

  post(signal: Signal): void {
    const { tenantId, conversationId, actor, name } = signal;
    const rooms = this.#tenants.get(tenantId) ?? new Map<string, Room>();
    const room = rooms.get(conversationId) ?? new Room();
    const key = keyOf(actor, name);
    if (!room.signals.has(key)) {
      const own = this.#counts.get(tenantId) ?? 0;
      if (this.#count >= MAX_SIGNALS || own >= MAX_OF_TENANT) return;
      this.#count++;
      this.#counts.set(tenantId, own + 1);
    }
    this.#tenants.set(tenantId, rooms.set(conversationId, room));
    room.put(key, { ...signal, number: ++this.#last, expires: performance.now() + SIGNAL_MS });
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
    for (const topic of [topicOf(tenantId, conversationId), topicOf(tenantId)]) {
      for (const onSignal of this.#listeners.get(topic) ?? []) onSignal(conversationId);
    }
  }

  /** Signals of a conversation after a number that still hold, sent no later than its entry `seq`; one list for all. */
  after(tenantId: string, conversationId: string, number: number, seq: bigint): readonly KeptSignal[] {
    return this.#tenants.get(tenantId)?.get(conversationId)?.after(number, seq) ?? NONE;
  }

  /** The conversations of a tenant with signals after a number. */
  conversationsAfter(tenantId: string, number: number): string[] {
    const rooms = [...(this.#tenants.get(tenantId) ?? [])];
    return rooms.filter(([, room]) => room.last > number).map(([id]) => id);
  }

  /** Returns a function that ends it. `conversationId` undefined: all of the tenant. */
  listen(tenantId: string, conversationId: string | undefined, onSignal: OnSignal): () => void {
    const topic = topicOf(tenantId, conversationId);
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(onSignal));
    return () => {
      listeners.delete(onSignal);
      if (listeners.size === 0 && this.#listeners.get(topic) === listeners) this.#listeners.delete(topic);
    };
  }

  #sweep(): void {
    const now = performance.now();
    for (const [tenantId, rooms] of this.#tenants) {
      for (const [conversationId, room] of rooms) {
        const forgotten = room.forget(now);
        this.#count -= forgotten;
        this.#counts.set(tenantId, (this.#counts.get(tenantId) ?? 0) - forgotten);
        if (room.signals.size === 0) rooms.delete(conversationId);
      }
      if (rooms.size > 0) continue;
      this.#tenants.delete(tenantId);
      this.#counts.delete(tenantId);
    }
    if (this.#tenants.size > 0) return;
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

const NONE: readonly KeptSignal[] = [];

/** The signals of one conversation, in the order in which they came. */
class Room {
  readonly signals = new Map<string, KeptSignal>();
  /** What was asked for since the last change: most followers are at the same place. */
  readonly #lists = new Map<string, readonly KeptSignal[]>();
  last = 0;

  put(key: string, signal: KeptSignal): void {
    this.signals.delete(key);
    this.signals.set(key, signal);
    this.last = signal.number;
    this.#lists.clear();
  }

  after(number: number, seq: bigint): readonly KeptSignal[] {
    if (this.last <= number) return NONE;
    const key = `${number}/${seq}`;
    let list = this.#lists.get(key);
    if (list === undefined) {
      const now = performance.now();
      const later = [...this.signals.values()].filter((signal) => signal.number > number && signal.expires > now);
      const ahead = later.findIndex((signal) => signal.seq > seq);
      list = ahead === -1 ? later : later.slice(0, ahead);
      this.#lists.set(key, list);
    }
    return list;
  }

  /** Returns how many it has forgotten. */
  forget(now: number): number {
    const before = this.signals.size;
    for (const [key, { expires }] of this.signals) if (expires <= now) this.signals.delete(key);
    if (this.signals.size < before) this.#lists.clear();
    return before - this.signals.size;
  }
}

function keyOf(actor: string, name: string): string {
  return `${name} ${actor}`;
}

function topicOf(tenantId: string, conversationId = ""): string {
  return `${tenantId}/${conversationId}`;
}
