// Signals as responses of Subscribe, put between the entries of a log where there is room.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type SubscribeResponse, SubscribeResponseSchema } from "../../../gen/colloquy/v1/event_service_pb.ts";
import type { SignalSchema } from "../../../gen/colloquy/v1/signal_pb.ts";
import { toActor } from "../../domain/identity/actor.ts";
import { type KeptSignal, SIGNAL_MS, type Signal } from "../../live/signals/signal.ts";
import type { PushSink } from "../../pipeline/streams/push-stream.ts";
import { timestampOfMs } from "../convert.ts";

/** Those who follow one conversation share its signals, the lists of them, and so the responses made of both. */
export class SignalResponses {
  readonly #answers = new WeakMap<KeptSignal, SubscribeResponse>();
  readonly #lists = new WeakMap<readonly KeptSignal[], readonly SubscribeResponse[]>();

  /** @param threadId only those of this thread; empty: all */
  of(signals: readonly KeptSignal[], threadId: string): readonly SubscribeResponse[] {
    if (threadId !== "") {
      return signals.filter((signal) => signal.threadId === threadId).map((signal) => this.#answerOf(signal));
    }
    let list = this.#lists.get(signals);
    if (list === undefined) {
      list = signals.map((signal) => this.#answerOf(signal));
      this.#lists.set(signals, list);
    }
    return list;
  }

  #answerOf(signal: KeptSignal): SubscribeResponse {
    let response = this.#answers.get(signal);
    if (response === undefined) {
      response = create(SubscribeResponseSchema, { signal: toSignal(signal) });
      this.#answers.set(signal, response);
    }
    return response;
  }
}

export function toSignal(signal: Signal): MessageInitShape<typeof SignalSchema> {
  return {
    conversationId: signal.conversationId,
    actor: toActor(signal.actor),
    name: signal.name,
    threadMessageId: signal.threadId,
    ...(signal.data !== null && { data: signal.data }),
    ended: signal.ended,
    createTime: timestampOfMs(signal.time),
    expireTime: timestampOfMs(signal.time + SIGNAL_MS),
  };
}

/** A sink that something else may put into where it has room, besides the one source that waits for room. */
export class SpareRoom<T> implements PushSink<T> {
  readonly #sink: PushSink<T>;
  #isFull = false;

  constructor(sink: PushSink<T>) {
    this.#sink = sink;
  }

  get signal(): AbortSignal {
    return this.#sink.signal;
  }

  put(responses: readonly T[]): boolean {
    this.#isFull = !this.#sink.put(responses);
    return !this.#isFull;
  }

  async room(): Promise<void> {
    await this.#sink.room();
    this.#isFull = false;
  }

  /** Drops what there is no room for. False: it was dropped. */
  offer(responses: readonly T[]): boolean {
    if (this.#isFull || this.signal.aborted) return false;
    if (responses.length > 0 && !this.#sink.put(responses)) {
      this.#isFull = true;
      this.room().catch(() => {});
    }
    return true;
  }

  /** Resolves once there was room, for a moment at least. */
  async free(): Promise<void> {
    if (this.#isFull) await this.room();
  }
}
