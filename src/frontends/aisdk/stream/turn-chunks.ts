// A turn's entries as the chunks of one UI message: blocks that are opened, filled and closed, step by step.
import { type Message, MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Part, ToolPlace, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { Turn, TurnEntryDelta, TurnEntryStarted } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { codePoints, fromCodePoint } from "../../../domain/turns/reply-text.ts";
import type { CallName, Chunk } from "./chunks.ts";
import { type Held, NO_MESSAGE } from "./held.ts";
import { citationChunks, partChunks } from "./part-chunks.ts";
import { TurnCalls } from "./turn-calls.ts";

type Head = Pick<TurnEntryStarted, "messageId" | "kind" | "step" | "toolCall">;

export class TurnChunks {
  readonly #turnId: string;
  readonly #held: Held;
  readonly #calls: TurnCalls;
  #started = false;
  /** The step of the entries, and how many steps were begun: one in which nothing is shown is none. */
  #step = 0;
  #steps = 0;
  #stepOpen = false;
  #head: Head | undefined;
  /** The open block, and how much of the entry's text is told, in code points. */
  #block: { readonly of: "text" | "reasoning"; readonly id: string } | undefined;
  #told = 0;
  /** Parts that came before the text of their message, which stands before them where it is stored. */
  #early: Part[] = [];
  #parts = 0;

  /** @param held what the client has of the message; default: nothing */
  constructor(turnId: string, held: Held = NO_MESSAGE) {
    this.#turnId = turnId;
    this.#held = held;
    this.#calls = new TurnCalls(held);
  }

  *begin(head: Head): Generator<Chunk> {
    this.#head = head;
    this.#told = 0;
    this.#early = [];
    this.#parts = 0;
    if (head.kind !== MessageKind.TOOL_CALL || head.toolCall === undefined) return;
    const { callId: toolCallId = "", name: toolName = "", runsAt, type, title } = head.toolCall;
    const call: CallName = {
      toolCallId,
      toolName,
      providerExecuted: runsAt !== ToolPlace.CLIENT,
      ...(type === ToolType.MCP && { dynamic: true }),
      ...(title !== undefined && { title }),
    };
    this.#calls.begin(call);
    yield* this.#say({ type: "tool-input-start", ...call });
  }

  *delta({ offset, piece }: Pick<TurnEntryDelta, "offset" | "piece">): Generator<Chunk> {
    if (piece.case === undefined) return;
    if (piece.case === "part") {
      if (this.#block === undefined) this.#early.push(piece.value);
      else yield* this.#part(piece.value);
      return;
    }
    // What lies before the end of what was told was told.
    const text = fromCodePoint(piece.value, Math.max(this.#told - Number(offset), 0));
    if (text === "") return;
    this.#told = Math.max(this.#told, Number(offset)) + codePoints(text);
    if (piece.case === "arguments") {
      yield* this.#say({
        type: "tool-input-delta",
        toolCallId: this.#head?.toolCall?.callId ?? "",
        inputTextDelta: text,
      });
      return;
    }
    yield* this.#text(piece.case, text);
    yield* this.#catchUp();
  }

  /** The entry as it is stored: what it has beside what was told. */
  *end({ id, kind, parts }: Message): Generator<Chunk> {
    const [first] = parts;
    const own = this.#early[0]?.content;
    // Without another, a part of text is the text.
    if (own?.case === "text" && this.#told === 0) {
      this.#early.shift();
      if (own.value.text !== "") yield* this.#text("text", own.value.text);
    }
    yield* this.#catchUp();
    yield* this.#close();
    switch (kind) {
      case MessageKind.MESSAGE:
        if (first?.content.case === "text") {
          yield* this.#saying(citationChunks(id, first.content.value.annotations));
        }
        break;
      case MessageKind.TOOL_CALL:
        if (first?.content.case === "toolCall") yield* this.#saying(this.#calls.whole(first.content.value));
        break;
      case MessageKind.TOOL_RESULT:
        for (const { content } of parts) {
          if (content.case === "toolResult") yield* this.#answers(this.#calls.result(content.value));
        }
        break;
      case MessageKind.APPROVAL_REQUEST:
        for (const { content } of parts) {
          if (content.case === "approvalRequest") yield* this.#answers(this.#calls.asks(content.value));
        }
        break;
      case MessageKind.APPROVAL_RESPONSE:
        for (const { content } of parts) {
          if (content.case === "approvalResponse") yield* this.#answers(this.#calls.answer(content.value));
        }
        break;
    }
    this.#head = undefined;
  }

  /** An entry that is stored, from its beginning to its end. */
  *stored(message: Message): Generator<Chunk> {
    const { id: messageId, kind, step, content, parts } = message;
    const first = parts[0]?.content;
    const toolCall = first?.case === "toolCall" ? first.value : undefined;
    yield* this.begin({ messageId, kind, step, ...(toolCall && { toolCall }) });
    const told = (value: string, of: "text" | "reasoning" | "arguments") =>
      this.delta({ offset: 0n, piece: { case: of, value } });
    let rest = parts.slice(1);
    if (parts.length === 0) yield* told(content, "text");
    else if (toolCall !== undefined) yield* told(toolCall.arguments ?? "", "arguments");
    else if (first?.case === "text") yield* told(first.value.text, "text");
    else if (first?.case === "reasoning" && kind === MessageKind.REASONING) {
      yield* told(first.value.text ?? first.value.summary.join("\n\n"), "reasoning");
    } else rest = parts;
    if (kind === MessageKind.MESSAGE) {
      for (const value of rest) yield* this.delta({ offset: 0n, piece: { case: "part", value } });
    }
    yield* this.end(message);
  }

  /** The turn waits: what the client is to do. */
  *waits({ awaited }: Turn): Generator<Chunk> {
    yield* this.#close();
    for (const { callId, approvalId } of awaited) {
      if (approvalId === "") yield* this.#answers(this.#calls.handOver(callId));
    }
  }

  /** Closes the open block: the turn ends in the middle of a step. */
  *breaksOff(): Generator<Chunk> {
    yield* this.#close();
  }

  /** Closes what is open. */
  *over(): Generator<Chunk> {
    yield* this.#close();
    if (this.#stepOpen) yield { type: "finish-step" };
    this.#stepOpen = false;
  }

  /** A piece of the entry's text. */
  *#text(of: "text" | "reasoning", delta: string): Generator<Chunk> {
    const id = this.#head?.messageId ?? "";
    if (this.#block === undefined) {
      yield* this.#say({ type: `${of}-start`, id });
      this.#block = { of, id };
    }
    yield* this.#say({ type: `${of}-delta`, id, delta });
  }

  *#catchUp(): Generator<Chunk> {
    for (const part of this.#early.splice(0)) yield* this.#part(part);
  }

  *#close(): Generator<Chunk> {
    if (this.#block === undefined) return;
    const { of, id } = this.#block;
    this.#block = undefined;
    yield* this.#say({ type: `${of}-end`, id });
  }

  /** A whole part of a message. The text before it stays open: more of it may come. */
  *#part(part: Part): Generator<Chunk> {
    yield* this.#saying(partChunks(part, `${this.#head?.messageId ?? ""}:${++this.#parts}`));
  }

  *#saying(chunks: Iterable<Chunk>): Generator<Chunk> {
    for (const chunk of chunks) yield* this.#say(chunk);
  }

  /** Says what stands for itself: it belongs to its step, and is left out with it. */
  *#say(chunk: Chunk): Generator<Chunk> {
    const step = this.#head?.step ?? this.#step;
    if (step !== this.#step || this.#steps === 0) {
      this.#step = step;
      this.#steps += 1;
      if (this.#steps > this.#held.steps) {
        yield* this.#start();
        if (this.#stepOpen) yield { type: "finish-step" };
        this.#stepOpen = true;
        yield { type: "start-step" };
      }
    }
    if (this.#steps > this.#held.steps) yield chunk;
  }

  /** Says what changes a call, be it one that the client has. */
  *#answers(chunks: Iterable<Chunk>): Generator<Chunk> {
    for (const chunk of chunks) {
      yield* this.#start();
      yield chunk;
    }
  }

  *#start(): Generator<Chunk> {
    if (this.#started) return;
    this.#started = true;
    yield { type: "start", messageId: this.#turnId };
  }
}
