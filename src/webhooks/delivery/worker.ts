// Delivers to one endpoint, for as long as this server has its lease.
import { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { ClaimedRow, Progress } from "../../store/webhooks/leases.ts";
import { type ReadEntry, wantsOf } from "../reading/entry.ts";
import { isUpTo, type Place } from "../reading/place.ts";
import type { Source } from "../reading/source.ts";
import type { SinkResult } from "../sinks/sink.ts";
import { costOf } from "./budget.ts";
import { attemptOf, parcelOf } from "./parcel.ts";
import type { Written } from "./progress-writer.ts";
import { readerFor, readSize } from "./read-ahead.ts";
import { refresh } from "./refresh.ts";
import { requestsAtOnce } from "./requests-at-once.ts";
import { DeliveryState } from "./state.ts";
import { Waker } from "./waker.ts";
import { type Item, Window } from "./window.ts";
import type { WorkerParts } from "./worker-parts.ts";

/** Maximum characters of content in a batch. */
const BATCH_CHARACTERS = 1 << 20;
/** The pause after a failure of the database, in milliseconds. */
const TROUBLE_MS = 1_000;
/** How often an idle worker looks, in milliseconds: what comes wakes it. */
const IDLE_MS = 30_000;
/** How long requests may go on when the worker is stopped, in milliseconds. */
const GRACE_MS = 2_000;

export class EndpointWorker implements Written {
  readonly tenantId: string;
  readonly id: string;
  readonly epoch: number;
  readonly #row: ClaimedRow;
  readonly #parts: WorkerParts;
  readonly #state: DeliveryState;
  readonly #window: Window;
  readonly #wants: (entry: ReadEntry) => boolean;
  readonly #waker = new Waker();
  readonly #stopping = new AbortController();
  readonly #ending = new AbortController();
  readonly #max: number;
  #source: Source | undefined;
  /** Up to where the source was read. */
  #read: Place | undefined;
  /** After a failure: nothing that comes wakes it. */
  #resting = false;
  #proven: boolean;
  #limit = 1;
  #sending = 0;
  /** Resolves when it has ended and nothing is being sent. */
  readonly done: Promise<void>;

  constructor(row: ClaimedRow, parts: WorkerParts) {
    this.tenantId = row.tenant_id;
    this.id = row.id;
    this.epoch = row.epoch;
    this.#row = row;
    this.#parts = parts;
    this.#state = new DeliveryState(row);
    this.#proven = row.failures === 0 && row.last_success_time !== null;
    this.#window = new Window(row.ordered, parts.held);
    this.#wants = wantsOf(row);
    this.#max = requestsAtOnce(row);
    this.done = this.#run();
  }

  get #batches(): boolean {
    return this.#row.batch_size > 1;
  }

  /** Whether the last request succeeded, also if another server sent it. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Something may have come for it. */
  wake(): void {
    if (!this.#resting) this.#waker.wake();
  }

  progress = (): Progress => this.#state.progress();
  lost = (): void => this.stop();

  /** Sends nothing more; requests under way may go on for a moment. */
  stop(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#waker.wake();
    setTimeout(() => this.#ending.abort(), GRACE_MS).unref();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pause = this.#parts.leased() ? this.#state.dueIn : TROUBLE_MS;
      if (pause > 0) {
        if (this.#sending === 0) this.#rewind();
        this.#resting = true;
        await this.#waker.wait(Math.min(pause, IDLE_MS));
        this.#resting = false;
        continue;
      }
      try {
        const more = await this.#fill();
        if (more && !this.#whole) continue;
        const sent = this.#dispatch();
        if (!sent && !more) await this.#waker.wait(IDLE_MS);
      } catch (error) {
        this.#parts.onTrouble(error);
        await this.#waker.wait(TROUBLE_MS);
      }
    }
    while (this.#sending > 0) await this.#waker.wait(IDLE_MS);
    this.#window.clear();
  }

  /** Whether all of the batch that was begun was read. */
  get #whole(): boolean {
    const { batchEnd } = this.#state;
    return batchEnd === undefined || (this.#read !== undefined && isUpTo(batchEnd, this.#read));
  }

  /** Reads more if little is left. Whether that brought something. */
  async #fill(): Promise<boolean> {
    const hunger = { batchSize: this.#row.batch_size, proven: this.#proven, whole: this.#whole };
    const reader = readerFor(this.#window, hunger, this.#parts.held);
    if (reader === undefined) return false;
    this.#source ??= this.#parts.sourceFrom(this.#state);
    const source = this.#source;
    const steps = await source.next(readSize(hunger), reader);
    // Something failed meanwhile, and everything is read again: these would leave a gap.
    if (this.#source !== source) return true;
    this.#window.add(steps, this.#wants);
    this.#read = steps.at(-1)?.place ?? this.#read;
    this.#advance();
    if (steps.length > 0) return true;
    if (this.#state.place.kind !== "replay" || this.#window.length > 0) return false;
    this.#state.endReplay();
    this.#source = undefined;
    this.#read = undefined;
    this.#parts.writer.mark(this);
    return true;
  }

  /** Sends what may be sent now. Whether that was anything. */
  #dispatch(): boolean {
    let sent = false;
    while (this.#sending < this.#limit && !this.#stopping.signal.aborted && this.#state.dueIn === 0) {
      const items = this.#take();
      if (items.length === 0) {
        // All of a batch that was begun may be gone.
        if (this.#sending === 0 && this.#state.batchEnd !== undefined && this.#window.waiting > 0) {
          this.#state.batchEnd = undefined;
          continue;
        }
        break;
      }
      sent = true;
      this.#sending++;
      void this.#send(items).finally(() => {
        this.#sending--;
        this.#waker.wake();
      });
    }
    return sent;
  }

  #take(): Item[] {
    if (this.#batches) return this.#window.takeBatch(this.#row.batch_size, BATCH_CHARACTERS, this.#state.batchEnd);
    const item = this.#window.take();
    return item === undefined ? [] : [item];
  }

  async #send(items: readonly Item[]): Promise<void> {
    let entries: readonly ReadEntry[];
    if (!this.#proven) await this.#parts.budget.trials.turn(this.#stopping.signal);
    await this.#parts.budget.turn(costOf(items.length), this.#stopping.signal);
    try {
      if (this.#batches) await this.#beginBatch(items);
      entries = await refresh(this.#window, items, this.#parts.reader, this.#wants);
    } catch (error) {
      this.#parts.onTrouble(error);
      this.#window.failed(items);
      this.#limit = 1;
      await new Promise((resolve) => setTimeout(resolve, TROUBLE_MS));
      return;
    }
    const [first] = entries;
    if (first === undefined) return this.#taken(items);
    if (this.#stopping.signal.aborted || !this.#parts.leased()) return this.#window.failed(items);
    const parcel = parcelOf(entries, this.#batches);
    const began = Date.now();
    let result: SinkResult;
    try {
      result = await this.#parts.sink.send(parcel, this.#ending.signal);
    } catch {
      return this.#window.failed(items);
    }
    if (result.outcome === WebhookOutcome.SUCCEEDED) {
      this.#state.succeeded();
      this.#proven = true;
      this.#limit = Math.min(this.#limit * 2, this.#max);
      this.#taken(items);
    } else {
      this.#window.failed(items);
      this.#failed(result);
    }
    this.#parts.attempted(result.outcome);
    const attempt = attemptOf(this.id, parcel, first, began, result, this.#state.nextAttempt);
    this.#parts.writer.attempted(this.tenantId, attempt);
  }

  /** Another server that goes on with it must send the same under the same id. */
  async #beginBatch(items: readonly Item[]): Promise<void> {
    const end = items.at(-1)?.place as Place;
    this.#state.batchEnd = end;
    await this.#parts.writer.save(this);
  }

  #taken(items: readonly Item[]): void {
    this.#window.done(items);
    if (this.#batches) this.#state.batchEnd = undefined;
    this.#advance();
  }

  #advance(): void {
    const place = this.#window.advance();
    if (place === undefined) return;
    this.#state.moveTo(place);
    this.#parts.writer.mark(this);
  }

  #failed(result: SinkResult): void {
    // Those that were sent at the same time count as one failure.
    if (this.#state.dueIn === 0) this.#state.failed(result.retryAfterMs, this.#parts.backoff);
    this.#limit = 1;
    this.#proven = false;
    this.#parts.writer.mark(this);
    const reason = this.#parts.disableIf(result, this.#state.failingForMs);
    if (reason !== undefined) void this.#parts.disable(reason).catch(this.#parts.onTrouble);
    this.#rewind();
  }

  /** Keeps nothing of what waits: hundreds of endpoints may be away for days. */
  #rewind(): void {
    if (this.#sending > 1) return;
    this.#window.clear();
    this.#source = undefined;
    this.#read = undefined;
  }
}
