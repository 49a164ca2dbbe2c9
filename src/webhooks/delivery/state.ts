// The state of an endpoint that is written, and the time of its next attempt.
import { type BackoffTimes, pauseAfter } from "../../domain/webhooks/backoff.ts";
import type { EndpointWithProgress } from "../../store/webhooks/endpoints.ts";
import type { Progress } from "../../store/webhooks/leases.ts";
import { formatPlace, type Place, parsePlace } from "../reading/place.ts";

export class DeliveryState {
  readonly #id: string;
  readonly #epoch: number;
  #feed: Extract<Place, { kind: "feed" }>;
  /** Undefined: there is no replay. */
  #replay: Extract<Place, { kind: "replay" }> | undefined;
  /** Where the batch ends that was begun. */
  batchEnd: Place | undefined;
  #failures: number;
  #failingSince: Date | null;
  #nextAttempt: Date | null;
  #lastSuccess: Date | null;
  #lastFailure: Date | null;

  constructor(row: EndpointWithProgress) {
    this.#id = row.id;
    this.#epoch = row.epoch;
    this.#feed = { kind: "feed", position: row.position, seq: row.seq };
    const replay = row.replay_after === null ? undefined : parsePlace(row.replay_after);
    this.#replay = replay?.kind === "replay" ? replay : undefined;
    this.batchEnd = row.batch_end === null ? undefined : parsePlace(row.batch_end);
    this.#failures = row.failures;
    this.#failingSince = row.failing_since;
    this.#nextAttempt = row.next_attempt_time;
    this.#lastSuccess = row.last_success_time;
    this.#lastFailure = row.last_failure_time;
  }

  /** Everything before it was taken. */
  get place(): Place {
    return this.#replay ?? this.#feed;
  }

  /** Where the feed is gone on with after a replay. */
  get feed(): Extract<Place, { kind: "feed" }> {
    return this.#feed;
  }

  get failures(): number {
    return this.#failures;
  }

  get nextAttempt(): Date | null {
    return this.#nextAttempt;
  }

  /** In milliseconds; 0: now. */
  get dueIn(): number {
    return this.#nextAttempt === null ? 0 : Math.max(this.#nextAttempt.getTime() - Date.now(), 0);
  }

  /** Since when everything has failed, in milliseconds. */
  get failingForMs(): number {
    return this.#failingSince === null ? 0 : Date.now() - this.#failingSince.getTime();
  }

  moveTo(place: Place): void {
    if (place.kind === "feed") this.#feed = place;
    else this.#replay = place;
  }

  endReplay(): void {
    this.#replay = undefined;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#failingSince = null;
    this.#nextAttempt = null;
    this.#lastSuccess = new Date();
  }

  failed(retryAfterMs: number | undefined, times: BackoffTimes): void {
    const now = Date.now();
    this.#failures++;
    this.#failingSince ??= new Date(now);
    this.#lastFailure = new Date(now);
    this.#nextAttempt = new Date(now + pauseAfter(this.#failures, retryAfterMs, times));
  }

  progress(): Progress {
    return {
      endpoint_id: this.#id,
      epoch: this.#epoch,
      position: this.#feed.position,
      seq: this.#feed.seq,
      replay_after: this.#replay === undefined ? null : formatPlace(this.#replay),
      batch_end: this.batchEnd === undefined ? null : formatPlace(this.batchEnd),
      failures: this.#failures,
      failing_since: this.#failingSince,
      next_attempt_time: this.#nextAttempt,
      last_success_time: this.#lastSuccess,
      last_failure_time: this.#lastFailure,
    };
  }
}
