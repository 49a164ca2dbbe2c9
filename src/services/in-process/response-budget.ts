// Limits responses that are composed of many pages: their size, and how many of them are in memory at once.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Participant } from "../../../gen/colloquy/v1/participant_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { orAborted } from "../../pipeline/call/deadline.ts";

/** Maximum size of one response, in bytes of JSON and in messages. */
export const MAX_BYTES = 28 << 20;
export const MAX_MESSAGES = 200_000;
/** Bytes of an item beside its text and free JSON, and of a participant beside its id. */
const ITEM_BYTES = 300;
const PARTICIPANT_BYTES = 100;
/** A response of up to this size is one page, and does not wait. */
const SMALL_BYTES = 4 << 20;
/** Maximum larger responses composed at once, and maximum that wait. */
const AT_ONCE = 2;
const MAX_WAITING = 32;
const RETRY_AFTER_MS = 1_000;

export type BudgetedItem = Message | Conversation | Participant;

/** The budget of one response, as it grows. */
export interface ResponseBudget {
  /** Bytes of JSON so far. */
  readonly bytes: number;
  /**
   * Adds what was read. Resolves when more may be read. Throws TOO_LARGE past {@link MAX_BYTES} or {@link
   * MAX_MESSAGES}, OVERLOADED if too many responses wait, and the reason of the call's abort.
   */
  add(items: readonly BudgetedItem[]): Promise<void>;
  /** The same for bytes of JSON that no item has, such as those of files. */
  addBytes(bytes: number): Promise<void>;
}

/**
 * Creates the budgets of one process: they share its limit of large responses at once. A call has one budget, whatever
 * it reads: with two, it would wait for a second place while it holds the first, and others likewise.
 */
export function createResponseBudgets(): (context: CallContext) => ResponseBudget {
  const gate = new Gate();
  /** By what the contexts of a call have in common. */
  const budgets = new WeakMap<CallContext["interrupt"], ResponseBudget>();
  return (context) => {
    const { interrupt } = context;
    const budget = budgets.get(interrupt) ?? new OneBudget(gate, context);
    budgets.set(interrupt, budget);
    return budget;
  };
}

class OneBudget implements ResponseBudget {
  readonly #gate: Gate;
  readonly #context: CallContext;
  bytes = 0;
  #count = 0;
  #entered: Promise<void> | undefined;

  constructor(gate: Gate, context: CallContext) {
    this.#gate = gate;
    this.#context = context;
  }

  async add(items: readonly BudgetedItem[]): Promise<void> {
    for (const item of items) {
      this.bytes += bytesOf(item);
      if (!isParticipant(item)) this.#count++;
    }
    await this.#check();
  }

  async addBytes(bytes: number): Promise<void> {
    this.bytes += bytes;
    await this.#check();
  }

  async #check(): Promise<void> {
    if (this.bytes > MAX_BYTES || this.#count > MAX_MESSAGES) throw tooLarge();
    if (this.bytes <= SMALL_BYTES) return;
    this.#entered ??= this.#gate.enter(this.#context);
    await this.#entered;
  }
}

interface Waiter {
  readonly caller: string;
  readonly enter: () => void;
}

/** Lets a few in. Of those who wait, the caller that was let in longest ago is next. */
class Gate {
  #inside = 0;
  readonly #waiting: Waiter[] = [];
  readonly #lastTurns = new Map<string, number>();
  #turn = 0;

  async enter(context: CallContext): Promise<void> {
    const caller = callerOf(context);
    if (this.#inside >= AT_ONCE) await this.#wait(caller, context);
    else this.#inside++;
    this.#lastTurns.set(caller, ++this.#turn);
    context.onceOver(() => this.#leave());
  }

  async #wait(caller: string, context: CallContext): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new DomainError(ErrorReason.OVERLOADED, "too many large answers are asked for at once", {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    let waiter: Waiter | undefined;
    const turn = new Promise<void>((enter) => {
      waiter = { caller, enter };
      this.#waiting.push(waiter);
    });
    try {
      await orAborted(turn, context.signal);
    } catch (error) {
      const at = this.#waiting.indexOf(waiter as Waiter);
      if (at !== -1) this.#waiting.splice(at, 1);
      // Its turn came while it gave up.
      else this.#leave();
      throw error;
    }
  }

  #leave(): void {
    let next = 0;
    for (let i = 1; i < this.#waiting.length; i++) if (this.#before(i, next)) next = i;
    const [waiter] = this.#waiting.splice(next, 1);
    if (waiter === undefined) {
      this.#inside--;
      if (this.#inside === 0) this.#lastTurns.clear();
    } else waiter.enter();
  }

  #before(a: number, b: number): boolean {
    const turnOf = (i: number) => this.#lastTurns.get(this.#waiting[i]?.caller ?? "") ?? 0;
    return turnOf(a) < turnOf(b);
  }
}

function callerOf({ principal, address }: CallContext): string {
  if (principal.kind === "anonymous") return address;
  return `${principal.tenantId} ${principal.kind === "member" ? principal.memberId : principal.kind}`;
}

function isParticipant(item: BudgetedItem): item is Participant {
  return item.$typeName === "colloquy.v1.Participant";
}

function bytesOf(item: BudgetedItem): number {
  if (isParticipant(item)) return PARTICIPANT_BYTES + jsonBytes(item.memberId);
  const own = "content" in item ? jsonBytes(item.content) : jsonBytes(item.title) + 100 * item.participants.length;
  let free = jsonOf(item.metadata);
  if ("persona" in item) free += jsonOf(item.persona) + jsonOf(item.profileInfo) + jsonBytes(item.stateJson);
  return ITEM_BYTES + own + free;
}

function jsonOf(value: object | undefined): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value));
}

/** Of a text as JSON writes it: control characters take six bytes. */
function jsonBytes(text: string): number {
  const bytes = Buffer.byteLength(text);
  let more = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20) more += 5;
    else if (code === 0x22 || code === 0x5c) more++;
  }
  return bytes + more;
}

function tooLarge(): DomainError {
  return new DomainError(
    ErrorReason.TOO_LARGE,
    `an answer may have at most ${MAX_BYTES} bytes of JSON, and ${MAX_MESSAGES} messages: ask for fewer at a time`,
  );
}
