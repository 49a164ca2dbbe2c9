// A turn running on this server: waits for its turn, calls the agent, publishes the text, and returns how it ends.
import { type TextPart, TurnText } from "../../domain/turns/reply-text.ts";
import { type EndState, FinishReason, MAX_REPLY_BYTES, TurnState } from "../../domain/turns/turn.ts";
import { Signal } from "../../live/hints/signal.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import { patiently } from "../../store/retry.ts";
import type { TurnEnd, TurnPlace } from "../../store/turns/turns.ts";
import { AgentFailure, type ReplyRequest } from "../connectors/connector.ts";
import type { Connectors } from "../connectors/connectors.ts";
import { reply } from "./reply.ts";
import { PATIENCE_MS, TurnWriter, type TurnWriterParts } from "./turn-writer.ts";
import type { WaitingTurns } from "./waiting-turns.ts";

export interface LiveTurnParts extends TurnWriterParts {
  readonly connectors: Connectors;
  /** Where queued turns wait. */
  readonly waiting: WaitingTurns;
}

/** The input of a turn. A queued turn reads the request when it starts. */
export interface LiveTurnTask {
  readonly place: TurnPlace;
  readonly queued: boolean;
  /** The `seq` of the message to reply to. */
  readonly messageSeq: bigint;
  readonly agent: AgentRow;
  readRequest(): Promise<ReplyRequest>;
}

/** Why a turn stops early. `unwanted`: its message, conversation or agent is gone. */
type Stop = "cancelled" | "unwanted" | "stopping" | "lost";

export class LiveTurn {
  /** Resolves when the turn has ended in the store, or another server has taken it. */
  readonly done: Promise<void>;
  readonly #parts: LiveTurnParts;
  readonly #task: LiveTurnTask;
  readonly #text = new TurnText(MAX_REPLY_BYTES);
  readonly #writer: TurnWriter;
  readonly #changed = new Signal();
  readonly #stopping = new AbortController();
  #stop: Stop | undefined;
  /** Why it is unwanted, as text. */
  #stopReason = "";
  /** What the agent says is known. */
  #answered = false;
  #waiting: boolean;
  #finished = false;

  constructor(parts: LiveTurnParts, task: LiveTurnTask) {
    this.#parts = parts;
    this.#task = task;
    this.#waiting = task.queued;
    this.#writer = new TurnWriter(parts, task.place, this.#text, (reason) => this.#stopFor(reason));
    this.done = this.#run().finally(() => {
      this.#finished = true;
      this.#changed.wake();
    });
  }

  get place(): TurnPlace {
    return this.#task.place;
  }

  /** Ends the turn with the text so far. */
  cancel(): void {
    this.#end("cancelled");
  }

  /** Ends the turn because the server stops. */
  interrupt(): void {
    this.#end("stopping");
  }

  /** The text after an offset; undefined if there is none yet. */
  after(offset: number): TextPart | undefined {
    return this.#text.after(offset);
  }

  /** Whether it waits for earlier turns. */
  get waiting(): boolean {
    return this.#waiting;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Resolves when there is text after `offset`, the turn has begun or finished, or after `ms` milliseconds. */
  async grown(offset: number, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#finished || this.#text.length > offset) return;
    await this.#changed.wait(ms, signal);
  }

  #end(stop: Stop, reason = ""): void {
    if (this.#stop === undefined) {
      this.#stop = stop;
      this.#stopReason = reason;
    }
    this.#stopping.abort();
  }

  async #run(): Promise<void> {
    const { hints, log } = this.#parts;
    const { tenantId, conversationId } = this.place;
    if (!this.#waiting) this.#writer.holdLease();
    const cancels = hints.listen({ kind: "cancel", tenantId, conversationId });
    void this.#watchCancels(cancels);
    try {
      const end = await this.#answer();
      this.#answered = true;
      await this.#writer.close();
      if (this.#stop !== "lost") await this.#writer.writeEnd(end);
    } catch (error) {
      log.error({ err: error, turnId: this.place.id }, "could not end a turn; another server will");
    } finally {
      cancels.close();
      hints.publish({ kind: "turn", tenantId, conversationId });
      hints.publish({ kind: "state", tenantId, conversationId });
    }
  }

  /** Waits for earlier turns, calls the agent, and returns how the turn ends. */
  async #answer(): Promise<TurnEnd> {
    const { signal } = this.#stopping;
    try {
      if (this.#task.queued) await this.#waitForStart(signal);
      const { connectors } = this.#parts;
      const { agent, place } = this.#task;
      const request = await patiently(() => this.#task.readRequest(), PATIENCE_MS, signal);
      const limits = { idleMs: agent.idle_timeout_ms, totalMs: agent.timeout_ms };
      const circuit = connectors.circuitOf(place.tenantId, agent);
      const connector = connectors.connectorOf(place.tenantId, agent);
      const pieces = reply(connector, request, limits, circuit, signal);
      try {
        for (;;) {
          const next = await pieces.next();
          if (next.done) return this.#endAs(TurnState.COMPLETE, next.value);
          if (next.value.kind === "text") this.#add(next.value.text);
        }
      } finally {
        await pieces.return(FinishReason.UNSPECIFIED);
      }
    } catch (error) {
      // Another server has ended it; this result is not written.
      if (this.#stop === "lost") return this.#endAs(TurnState.FAILED, FinishReason.ERROR);
      if (this.#stop === "cancelled" || this.#stop === "unwanted") {
        return this.#endAs(TurnState.CANCELLED, FinishReason.CANCELLED, this.#stopReason);
      }
      if (this.#stop === "stopping") {
        return this.#endAs(TurnState.FAILED, FinishReason.ERROR, "the server that ran the turn was stopped");
      }
      if (error instanceof AgentFailure) {
        this.#parts.log.warn({ err: error, turnId: this.place.id, agentId: this.#task.agent.id }, "an agent failed");
        return this.#endAs(TurnState.FAILED, error.finish, error.message);
      }
      this.#parts.log.error({ err: error, turnId: this.place.id }, "a turn failed");
      return this.#endAs(TurnState.FAILED, FinishReason.ERROR, "the turn failed inside the server");
    }
  }

  #endAs(state: EndState, finish: FinishReason, failure = ""): TurnEnd {
    return { state, finish, failure, text: this.#text.whole };
  }

  #add(piece: string): void {
    const fits = this.#text.append(piece);
    this.#changed.wake();
    this.#writer.grown();
    if (!fits) throw new AgentFailure("the reply is longer than a message may be", { health: "up" });
  }

  async #waitForStart(signal: AbortSignal): Promise<void> {
    const { hints, waiting } = this.#parts;
    const { place } = this;
    const begun = Promise.withResolvers<void>();
    const turn = {
      place,
      seq: this.#task.messageSeq,
      started: begun.resolve,
      stopped: (reason: string | undefined) => this.#stopFor(reason),
    };
    const onAbort = () => begun.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    waiting.add(turn);
    try {
      if (signal.aborted) onAbort();
      await begun.promise;
    } finally {
      waiting.remove(turn);
      signal.removeEventListener("abort", onAbort);
      this.#waiting = false;
      this.#writer.holdLease();
    }
    this.#changed.wake();
    hints.publish({ kind: "state", tenantId: place.tenantId, conversationId: place.conversationId });
  }

  /** @param reason from `saveTurn`; undefined: another server has ended it */
  #stopFor(reason: string | undefined): void {
    if (reason === undefined) this.#end("lost");
    else this.#end(reason === "" ? "cancelled" : "unwanted", reason);
  }

  /** A hint may be wrong: the next write reads whether the turn was cancelled. */
  async #watchCancels(cancels: { wait(ms: number, signal?: AbortSignal): Promise<void> }): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!this.#answered) {
        await cancels.wait(60_000, signal);
        this.#writer.save();
      }
    } catch {
      // The turn is stopping.
    }
  }
}
