// A turn's entries as the chunks of one UI message: blocks that are opened, filled and closed, step by step.
import { type Message, MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Annotation, type Part, ToolPlace, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { Turn, TurnEntryDelta, TurnEntryStarted } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { codePoints, fromCodePoint } from "../../../domain/turns/reply-text.ts";
import { toData, toFile, toSource } from "../parts/write.ts";
import type { CallName, Chunk } from "./chunks.ts";
import { type Held, NO_MESSAGE } from "./held.ts";
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
  /** The open block, and how much of its text is told, in code points. */
  #block: { readonly of: "text" | "reasoning"; readonly id: string } | undefined;
  #told = 0;
  #texts = 0;

  /** @param held what the client has of the message; default: nothing */
  constructor(turnId: string, held: Held = NO_MESSAGE) {
    this.#turnId = turnId;
    this.#held = held;
    this.#calls = new TurnCalls(held);
  }

  *begin(head: Head): Generator<Chunk> {
    this.#head = head;
    this.#told = 0;
    this.#texts = 0;
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
      yield* this.#part(piece.value);
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
    yield* this.#text(piece.case, this.#head?.messageId ?? "", text);
  }

  /** The entry as it is stored: what it has beside what was told. */
  *end({ id, kind, parts }: Message): Generator<Chunk> {
    yield* this.#close();
    const [first] = parts;
    switch (kind) {
      case MessageKind.MESSAGE:
        if (first?.content.case === "text") yield* this.#citations(id, first.content.value.annotations);
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
    if (kind === MessageKind.MESSAGE) for (const part of rest) yield* this.#part(part);
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

  *#text(of: "text" | "reasoning", id: string, delta: string): Generator<Chunk> {
    if (this.#block?.id !== id || this.#block.of !== of) {
      yield* this.#close();
      yield* this.#say({ type: `${of}-start`, id });
      this.#block = { of, id };
    }
    yield* this.#say({ type: `${of}-delta`, id, delta });
  }

  *#close(): Generator<Chunk> {
    if (this.#block === undefined) return;
    const { of, id } = this.#block;
    this.#block = undefined;
    yield* this.#say({ type: `${of}-end`, id });
  }

  /** A whole part of a message. */
  *#part({ id, content }: Part): Generator<Chunk> {
    yield* this.#close();
    const own = `${this.#head?.messageId ?? ""}:${++this.#texts}`;
    switch (content.case) {
      case "text":
      case "refusal":
        if (content.value.text !== "") yield* this.#text("text", own, content.value.text);
        yield* this.#close();
        if (content.case === "text") yield* this.#citations(own, content.value.annotations);
        break;
      case "reasoning": {
        const text = content.value.text ?? content.value.summary.join("\n\n");
        if (text !== "") yield* this.#text("reasoning", own, text);
        yield* this.#close();
        break;
      }
      case "file": {
        const file = toFile(content.value);
        // A chunk has no name of a file.
        if (file !== undefined) {
          const { url = "", mediaType = "application/octet-stream" } = file;
          yield* this.#say({ type: "part", part: { type: "file", mediaType, url } });
        }
        break;
      }
      case "source":
        yield* this.#say({ type: "part", part: toSource(content.value, content.value.sourceId ?? id ?? own) });
        break;
      case "data":
        yield* this.#say({ type: "part", part: { data: null, ...toData(content.value) } });
        break;
    }
  }

  /** The pages that a text cites. */
  *#citations(id: string, annotations: readonly Annotation[]): Generator<Chunk> {
    for (const [index, { target }] of annotations.entries()) {
      if (target.case !== "url") continue;
      const { url = "", title } = target.value;
      const part = {
        type: "source-url",
        sourceId: `${id}:source-${index + 1}`,
        url,
        ...(title !== undefined && { title }),
      };
      yield* this.#say({ type: "part", part });
    }
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
