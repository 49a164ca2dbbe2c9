// A turn running on this server: waits for its turn, takes its steps, and writes how it ends, or that it waits for input.
import { type EndState, FinishReason, TurnState } from "../../domain/turns/turn.ts";
import { leaveTurn } from "../../store/turns/queued-turns.ts";
import type { TurnEnding, TurnPlace } from "../../store/turns/turns.ts";
import { AgentFailure, type ReplyRequest } from "../connectors/connector.ts";
import type { Connectors } from "../connectors/connectors.ts";
import type { ToolCall } from "../tools/tool-runner.ts";
import { Growth } from "./growth.ts";
import type { HistoryRoom } from "./history-room.ts";
import type { LiveTurnTask, LiveView } from "./live-task.ts";
import { reply } from "./reply.ts";
import { type StepsEnd, TurnSteps } from "./turn-steps.ts";
import { TurnWriter, type TurnWriterParts } from "./turn-writer.ts";
import type { WaitingTurns } from "./waiting-turns.ts";

export interface LiveTurnParts extends TurnWriterParts {
  readonly connectors: Connectors;
  readonly room: HistoryRoom;
  /** Where queued turns wait. */
  readonly waiting: WaitingTurns;
}

/** Why a turn stops early. `unwanted`: its message, conversation or agent is gone. */
type Stop = "cancelled" | "unwanted" | "stopping" | "lost";

export class LiveTurn {
  /** Resolves when the turn has ended in the store, or another server has taken it. */
  readonly done: Promise<void>;
  readonly #parts: LiveTurnParts;
  readonly #task: LiveTurnTask;
  readonly #steps: TurnSteps;
  readonly #writer: TurnWriter;
  readonly #growth = new Growth();
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
    const { place, agent, tools, start, discards, deltas } = task;
    const steps = new TurnSteps(start, tools, task.endsWithCalls);
    this.#steps = steps;
    this.#writer = new TurnWriter(parts, {
      place,
      agentId: agent.id,
      reply: steps.reply,
      base: start.entryCount,
      said: start.said,
      replyId: start.replyId ?? "",
      discards,
      deltas,
      usage: () => steps.usage,
      pending: () => steps.pending,
      onStop: (reason) => this.#stopFor(reason),
      onStored: () => this.#growth.wake(),
    });
    this.done = this.#run().finally(() => {
      this.#finished = true;
      this.#growth.wake();
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

  /** What it has said and done since this server took it up. */
  get view(): LiveView {
    const { entryCount: base, said } = this.#task.start;
    const isOurs = this.#waiting || this.#writer.lease.isSure;
    return { base, said, items: this.#steps.reply.items, rows: this.#writer.rows, isOurs };
  }

  /** Whether it waits for earlier turns. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /** Changes with what {@link view} shows, a little later where many follow. */
  get version(): number {
    return this.#growth.version;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Resolves when more was said or stored since a version, the turn has begun or finished, or after `ms` milliseconds.
   */
  async grown(since: number, ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#finished) await this.#growth.after(since, ms, signal);
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
      if (end !== undefined && this.#stop !== "lost") await this.#writer.writeEnd(end);
    } catch (error) {
      log.error({ err: error, turnId: this.place.id }, "could not end a turn; another server will");
    } finally {
      cancels.close();
      hints.publish({ kind: "turn", tenantId, conversationId });
      hints.publish({ kind: "state", tenantId, conversationId });
    }
  }

  /** Waits for earlier turns, takes the steps, and returns how the turn ends; undefined: it waits for input. */
  async #answer(): Promise<TurnEnding | undefined> {
    const { signal } = this.#stopping;
    let begun = !this.#task.queued;
    try {
      if (!begun) await this.#waitForStart(signal);
      begun = true;
      const end = await this.#takeSteps(signal);
      if (end !== "waits") return { state: TurnState.COMPLETE, finish: end.finish, failure: "" };
      await this.#writer.pause(this.#task.agent.input_timeout_ms);
      return undefined;
    } catch (error) {
      const { database, server } = this.#parts;
      if (!begun && this.#stop === "stopping") return await leaveTurn(database, this.place, server);
      const ending = this.#endingOf(error);
      this.#steps.breakOff(ending.failure || "the turn was cancelled");
      return ending;
    }
  }

  #takeSteps(signal: AbortSignal): Promise<StepsEnd> {
    const { place, agent, readRequest } = this.#task;
    const asking = { tenantId: place.tenantId, patienceMs: agent.timeout_ms, signal };
    return this.#parts.room.within(asking, readRequest, (asked) => this.#takeStepsOf(asked, signal));
  }

  async #takeStepsOf(asked: ReplyRequest, signal: AbortSignal): Promise<StepsEnd> {
    const { connectors } = this.#parts;
    const { agent, place } = this.#task;
    const request = { ...asked, tools: this.#steps.offer(await connectors.mcpTools(place.tenantId, agent, signal)) };
    const circuit = connectors.circuitOf(place.tenantId, agent);
    const connector = connectors.connectorOf(place.tenantId, agent);
    const ends = performance.now() + agent.timeout_ms;
    const limits = () => ({ idleMs: agent.idle_timeout_ms, totalMs: ends - performance.now() });
    const host = {
      writer: this.#writer,
      ask: (asked: ReplyRequest) => reply(connector, asked, limits(), circuit, signal),
      runTool: (call: ToolCall) => connectors.tools.run(agent, call, place, signal),
      grown: () => {
        this.#growth.grow();
        this.#writer.grown();
      },
      check: () => signal.throwIfAborted(),
    };
    return this.#steps.run(host, request);
  }

  #endingOf(error: unknown): TurnEnding {
    const end = (state: EndState, finish: FinishReason, failure = "") => ({ state, finish, failure });
    // Another server has ended it; this result is not written.
    if (this.#stop === "lost") return end(TurnState.FAILED, FinishReason.ERROR);
    if (this.#stop === "cancelled" || this.#stop === "unwanted") {
      return end(TurnState.CANCELLED, FinishReason.CANCELLED, this.#stopReason);
    }
    if (this.#stop === "stopping") {
      return end(TurnState.FAILED, FinishReason.ERROR, "the server that ran the turn was stopped");
    }
    if (error instanceof AgentFailure) {
      this.#parts.log.warn({ err: error, turnId: this.place.id, agentId: this.#task.agent.id }, "an agent failed");
      return { ...end(TurnState.FAILED, error.finish, error.message), refusal: error.refusal };
    }
    this.#parts.log.error({ err: error, turnId: this.place.id }, "a turn failed");
    return end(TurnState.FAILED, FinishReason.ERROR, "the turn failed inside the server");
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
    this.#growth.wake();
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
