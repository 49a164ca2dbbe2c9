// The queue of calls that have not begun: a few begin in each turn of the event loop, so that no burst holds it.
import type { Interrupt } from "../domain/cancellation.ts";
import { FairQueue, type Waiter } from "../domain/identity/fair-queue.ts";
import type { Party } from "../domain/identity/party.ts";

/** Maximum calls that begin in one turn of the event loop. */
export const BEGIN_EACH_TURN = 4;
/**
 * Maximum waiting calls: as many as one turn may read from as many sockets, so that no burst is refused which the
 * database has room for. None holds more than its head: a body is not read before its call begins.
 */
export const MAX_TO_BEGIN = 1_024;

/** Maximum turns in a row in which no call begins because a connection has come. */
export const CONNECTING_TURNS = 7;

const NOBODY: Party = { tenant: "", caller: "" };

/** Takes whether the call goes on; otherwise it is refused. */
type Turn = (begins: boolean) => void;

/**
 * A burst is read from its sockets at once. If all its calls began at once, the next call of somebody else would wait
 * for all of them, in a socket that nobody reads meanwhile, and so would PostgreSQL's results. So all but a few wait
 * here. The queue is fair: tenants take turns, then their callers.
 */
export class StartQueue {
  readonly #waiting = new FairQueue<Turn>();
  #begun = 0;
  #isSet = false;
  #refused = 0;
  /** Whether a connection has come in this turn, and in how many before it no call began for that. */
  #connected = false;
  #held = 0;

  /** How many calls were refused so far. */
  get refused(): number {
    return this.#refused;
  }

  get isFull(): boolean {
    return this.#waiting.size >= MAX_TO_BEGIN;
  }

  /** Whether, while it is full, the next call of this party would be refused: nobody waits more than it does. */
  refuses(party: Party): boolean {
    return this.#waiting.isLongest(party);
  }

  /**
   * Undefined: the call begins now. Otherwise resolves when it is its turn, or at once when nobody waits for it any
   * more; to false if it is refused: it found no place, or gave it up to a call of somebody who waits less.
   *
   * @param partyOf whose call it is; not asked where it begins now
   * @param interruptOf aborts when nobody waits for it any more; not asked either
   */
  enter(partyOf: () => Party | undefined, interruptOf?: () => Interrupt): Promise<boolean> | undefined {
    this.#awaitNextTurn();
    // Those that wait came before.
    if (this.#waiting.size === 0 && this.#begun < BEGIN_EACH_TURN && !this.#isShort) {
      this.#begun++;
      return undefined;
    }
    const party = partyOf() ?? NOBODY;
    if (this.isFull && !this.#giveWay(party)) {
      this.#refused++;
      return Promise.resolve(false);
    }
    return new Promise((resolve) => this.#wait(party, resolve, interruptOf?.()));
  }

  /**
   * A connection has come. Node takes one in each turn, in the order in which they came, so a connection would wait for
   * the calls of all that came before it. While they come, most turns are short: they begin nothing.
   */
  readonly connectionCame = (): void => {
    this.#connected = true;
    this.#awaitNextTurn();
  };

  /** Whether nothing begins in this turn. */
  get #isShort(): boolean {
    return this.#connected && this.#held < CONNECTING_TURNS;
  }

  #wait(party: Party, resolve: Turn, interrupt: Interrupt | undefined): void {
    const leave = () => {
      this.#waiting.delete(waiter);
      resolve(true);
    };
    const item: Turn = (begins) => {
      interrupt?.removeEventListener("abort", leave);
      resolve(begins);
    };
    const waiter: Waiter<Turn> = { ...party, urgent: false, item };
    if (interrupt?.aborted) {
      resolve(true);
      return;
    }
    interrupt?.addEventListener("abort", leave, { once: true });
    this.#waiting.add(waiter);
  }

  /** Whether a place has become free for this party. */
  #giveWay(party: Party): boolean {
    const last = this.#waiting.displacedBy(party);
    if (last === undefined) return false;
    this.#waiting.delete(last);
    this.#refused++;
    last.item(false);
    return true;
  }

  #awaitNextTurn(): void {
    if (this.#isSet) return;
    this.#isSet = true;
    setImmediate(this.#beginNext);
  }

  /** Sockets have been read since the last turn, so whoever has come since takes part. */
  readonly #beginNext = () => {
    this.#isSet = false;
    const isShort = this.#isShort && this.#waiting.size > 0;
    this.#connected = false;
    this.#held = isShort ? this.#held + 1 : 0;
    if (isShort) return this.#awaitNextTurn();
    this.#begun = 0;
    for (; this.#begun < BEGIN_EACH_TURN; this.#begun++) {
      const next = this.#waiting.next();
      if (next === undefined) break;
      next.item(true);
    }
    if (this.#begun > 0) this.#awaitNextTurn();
  };
}
