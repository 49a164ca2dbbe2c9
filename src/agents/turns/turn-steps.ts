// The steps of a turn: calls the agent, runs the tools that it calls, and calls it again with the results.
import { create } from "@bufbuild/protobuf";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { ApprovalRequestPartSchema, PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { newId } from "../../domain/ids/id.ts";
import { readParts } from "../../domain/parts/stored.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { noResult, openCalls, toolPlace, toolType } from "../../domain/turns/open-calls.ts";
import { awaitsInput, digestOf, type PendingCall, pendingText } from "../../domain/turns/pending-call.ts";
import { ReplyFault, ReplyItems } from "../../domain/turns/reply-items.ts";
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";
import { addUsage, type TokenColumns } from "../../domain/turns/token-count.ts";
import { FinishReason, INVALID_REPLY, isCut, MAX_STEPS } from "../../domain/turns/turn.ts";
import { entryOf, failedResult, resultEntry } from "../../domain/turns/turn-entry.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { AgentFailure, type ReplyRequest } from "../connectors/connector.ts";
import { type ToolCall, type ToolOutcome, toolFailure } from "../tools/tool-runner.ts";
import { contextOf } from "./agent-context.ts";
import type { TurnStart } from "./live-task.ts";
import type { TurnWriter } from "./turn-writer.ts";

/** What the steps need of the turn that takes them. */
export interface StepsHost {
  readonly writer: TurnWriter;
  /** Calls the agent once. */
  ask(request: ReplyRequest): AsyncGenerator<ReplyPiece, FinishReason>;
  runTool(call: ToolCall): Promise<ToolOutcome>;
  /** Something was said or done. */
  grown(): void;
  /** Throws if the turn must stop. */
  check(): void;
}

/** How the steps end: with a reason, or waiting for input. */
export type StepsEnd = { readonly finish: FinishReason } | "waits";

export class TurnSteps {
  readonly reply: ReplyItems;
  #tools: readonly AgentTool[];
  readonly #before: readonly PendingCall[];
  readonly #endsWithCalls: boolean;
  readonly #asked = new Map<string, string>();
  /** The calls that this server has begun to run. */
  readonly #begun = new Set<string>();
  #usage: TokenColumns;

  /** @param endsWithCalls whether calls that clients run end the turn, which then waits for no results */
  constructor(start: TurnStart, tools: readonly AgentTool[], endsWithCalls = false) {
    this.#tools = tools;
    this.#endsWithCalls = endsWithCalls;
    this.#before = start.pending;
    this.#usage = start.usage;
    let { replyId } = start;
    this.reply = new ReplyItems({
      step: start.step,
      begun: start.entryCount > 0,
      bytes: start.bytes,
      placeOf: (name) => toolPlace(this.#tool(name)),
      typeOf: (name) => toolType(this.#tool(name)),
      newId(kind) {
        const id = kind === MessageKind.MESSAGE ? replyId : undefined;
        if (id !== undefined) replyId = undefined;
        return id ?? newId();
      },
    });
  }

  #tool(name: string): AgentTool | undefined {
    return this.#tools.find((tool) => tool.name === name);
  }

  /** Adds tools that are known only now, unless there are others of their names. Returns all. */
  offer(more: readonly AgentTool[]): readonly AgentTool[] {
    const names = new Set(this.#tools.map(({ name }) => name));
    const added = more.filter(({ name }) => !names.has(name) && names.add(name));
    if (added.length > 0) this.#tools = [...this.#tools, ...added];
    return this.#tools;
  }

  get usage(): TokenColumns {
    return this.#usage;
  }

  /** The calls without a result. */
  get open(): PendingCall[] {
    return openCalls(this.#before, this.reply.items, this.#tools, this.#asked);
  }

  get pending(): string | null {
    return pendingText(this.open);
  }

  /** Takes steps until the agent is done, or somebody must answer. Throws {@link AgentFailure}. */
  async run(host: StepsHost, request: ReplyRequest): Promise<StepsEnd> {
    try {
      for (;;) {
        await this.#runCalls(host, request);
        const { open } = this;
        if (open.some((call) => awaitsInput(call) && !this.#isHandedOut(call))) return "waits";
        if (open.some((call) => this.#isHandedOut(call))) return { finish: FinishReason.TOOL_CALLS };
        const messages = contextOf([...request.messages, ...host.writer.rows]);
        const finish = await this.#ask(host, { ...request, messages });
        const calls = this.open.filter((call) => this.#canRun(call));
        if (calls.length === 0) return { finish };
        if (isCut(finish)) {
          this.close(() => "not run: the reply was cut off before its end");
          return { finish };
        }
        if (this.reply.step >= MAX_STEPS) {
          throw new AgentFailure(`the agent went on calling tools after ${MAX_STEPS} steps`, { health: "up" });
        }
      }
    } catch (error) {
      if (!(error instanceof ReplyFault)) throw error;
      throw new AgentFailure(error.message, { health: "up", refusal: { status: 0, code: INVALID_REPLY } });
    }
  }

  /** Gives every open call a result that says why there is none. */
  close(why: (call: PendingCall) => string): void {
    for (const call of this.open) {
      if (!this.#isHandedOut(call)) this.reply.put(failedResult(this.#place(), call.callId, why(call)), call.callId);
    }
  }

  /** Whether whoever asked brings the result with the next turn. */
  #isHandedOut({ needs, callId }: PendingCall): boolean {
    if (!this.#endsWithCalls || needs === "run" || needs === "approval") return false;
    const item = this.reply.items.find(({ head }) => head.call?.callId === callId);
    return needs === "result" || (item !== undefined && item.head.call?.runsAt === undefined);
  }

  /** Ends the open item where it broke off, and every open call with a reason. */
  breakOff(why: string): void {
    this.reply.breakOff();
    try {
      this.close(({ callId }) => noResult(why, this.#begun.has(callId)));
    } catch {
      // The turn is as long as it may be.
    }
  }

  /** Whether anything of this turn can give the call a result: a wrong name gets an error where there are tools. */
  #canRun({ needs, callId }: PendingCall): boolean {
    if (needs !== "nothing") return true;
    if (this.#endsWithCalls) return false;
    const item = this.reply.items.find(({ head }) => head.call?.callId === callId);
    return this.#tools.length > 0 && item?.head.call?.runsAt === undefined;
  }

  async #ask(host: StepsHost, request: ReplyRequest): Promise<FinishReason> {
    const { reply } = this;
    reply.nextStep();
    const pieces = host.ask(request);
    // A model may send a hundred thousand pieces in one packet.
    const turns = new Turns();
    try {
      for (;;) {
        const next = await pieces.next();
        if (next.done) {
          if (isCut(next.value)) reply.cut();
          else reply.end();
          return next.value;
        }
        this.#take(next.value);
        host.grown();
        await turns.next();
      }
    } finally {
      await pieces.return(FinishReason.UNSPECIFIED);
    }
  }

  #take(piece: ReplyPiece): void {
    if (piece.kind === "usage") this.#usage = addUsage(this.#usage, piece);
    else this.reply.take(piece);
    if (this.reply.step > MAX_STEPS) throw new ReplyFault(`the agent took more than ${MAX_STEPS} steps`);
  }

  /** Runs the open calls that this server runs, and asks whether those may that need consent. */
  async #runCalls(host: StepsHost, request: ReplyRequest): Promise<void> {
    const { open } = this;
    if (open.length === 0) return;
    for (const call of open) {
      if (call.needs === "nothing" && this.#canRun(call)) {
        this.reply.put(failedResult(this.#place(), call.callId, "there is no tool of this name"), call.callId);
      } else if (call.needs === "approval" && call.approvalId === undefined) this.#askConsent(call);
    }
    // A call is stored before it runs, so that one that was run is never forgotten.
    host.grown();
    await host.writer.flush();
    host.check();
    const calls = callsIn([...request.messages, ...host.writer.rows]);
    const running = open.filter(({ needs }) => needs === "run");
    const run = async ({ callId, name, digest }: PendingCall) => {
      const callArguments = calls.get(callId);
      const isAsked = callArguments !== undefined && (digest === undefined || digest === digestOf(callArguments));
      if (isAsked) this.#begun.add(callId);
      const outcome = isAsked
        ? await host.runTool({ callId, name, arguments: callArguments })
        : toolFailure("not run: the call was changed after it was made");
      host.check();
      this.reply.put(resultEntry(this.#place(), callId, outcome.output, outcome.isError), callId);
      host.grown();
    };
    await Promise.all(running.map(run));
    await host.writer.flush();
    host.check();
  }

  #askConsent({ callId }: PendingCall): void {
    const approvalId = newId();
    this.#asked.set(callId, approvalId);
    const value = create(ApprovalRequestPartSchema, { approvalId, callId });
    const part = create(PartSchema, { content: { case: "approvalRequest", value } });
    this.reply.put(entryOf({ ...this.#place(), kind: MessageKind.APPROVAL_REQUEST }, [part]));
  }

  #place() {
    return { id: newId(), step: this.reply.step };
  }
}

/** The arguments of calls in a conversation, by the calls' ids; the last of an id counts. */
function callsIn(rows: readonly MessageRow[]): Map<string, string> {
  const calls = rows.filter(({ kind }) => kind === MessageKind.TOOL_CALL).flatMap(({ parts }) => readParts(parts));
  return new Map(
    calls.flatMap(({ content }) =>
      content.case === "toolCall" ? [[content.value.callId ?? "", content.value.arguments ?? ""] as const] : [],
    ),
  );
}
