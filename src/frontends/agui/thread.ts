// A thread: the entries of a conversation as AG-UI's messages. A call belongs to the assistant's message of its step, a
// result follows the message of its call, as clients place it when it comes as an event.
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { type Message, MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ApprovalRequestPart, Part, ReasoningPart } from "../../../gen/colloquy/v1/part_pb.ts";
import { fromParts, resultContent } from "./content.ts";
import type { AguiMessage } from "./protocol.ts";

/** Which assistant's message the calls of a step belong to: the same for what is stored and what is streamed. */
export class Parents {
  #step = "";
  #id: string | undefined;

  message(step: string, id: string): void {
    this.#step = step;
    this.#id = id;
  }

  /** The message of a call; its own id begins one where its step has none yet. */
  ofCall(step: string, id: string): string {
    if (this.#id === undefined || this.#step !== step) this.message(step, id);
    return this.#id ?? id;
  }

  /** Somebody else spoke: what comes is another message. */
  interrupt(): void {
    this.#id = undefined;
  }
}

type Assistant = Extract<AguiMessage, { role: "assistant" }>;

export class Thread {
  readonly messages: AguiMessage[] = [];
  /** The questions that were asked, by their ids. */
  readonly questions = new Map<string, ApprovalRequestPart>();
  /** The answers to them. */
  readonly answers = new Map<string, boolean>();
  readonly #clientIds = new Map<string, string>();
  readonly #parents = new Parents();
  readonly #assistants = new Map<string, Assistant>();
  /** By the ids of the calls: of two with one id, the later. */
  readonly #calls = new Map<string, { readonly owner: Assistant; readonly id: string }>();
  readonly #idsOfResults: ReadonlyMap<string, string>;

  /**
   * @param idsOfResults the ids that the client gave to results, by the ids of the calls; of others their own are told
   */
  constructor(idsOfResults: ReadonlyMap<string, string> = new Map()) {
    this.#idsOfResults = idsOfResults;
  }

  /** The ids of the entries in it. */
  get entryIds(): ReadonlySet<string> {
    return new Set(this.#clientIds.keys());
  }

  get hasReasoning(): boolean {
    return this.messages.some(({ role }) => role === "reasoning");
  }

  /** The id by which the client knows an entry; undefined: it is not in the thread. */
  idOf(entryId: string): string | undefined {
    return this.#clientIds.get(entryId);
  }

  /** @param isOpen whether more of it may come, so that it is there though it is empty */
  add(entry: Message, isOpen = false): void {
    const { id, kind, parts } = entry;
    this.#clientIds.set(id, entry.clientId || id);
    switch (kind) {
      case MessageKind.REASONING: {
        const content = thoughts(firstOf(parts, "reasoning"));
        if (content !== "" || isOpen) this.messages.push({ id, role: "reasoning", content });
        break;
      }
      case MessageKind.TOOL_CALL:
        this.#call(entry);
        break;
      case MessageKind.TOOL_RESULT:
        this.#result(entry);
        break;
      case MessageKind.APPROVAL_REQUEST: {
        const question = firstOf(parts, "approvalRequest");
        if (question) this.questions.set(question.approvalId ?? "", question);
        break;
      }
      case MessageKind.APPROVAL_RESPONSE: {
        const answer = firstOf(parts, "approvalResponse");
        if (answer) this.answers.set(answer.approvalId ?? "", answer.granted ?? false);
        break;
      }
      case MessageKind.MESSAGE:
        this.#message(entry);
        break;
      default:
    }
  }

  #message(entry: Message): void {
    const { role, content, parts, metadata } = entry;
    const id = entry.clientId || entry.id;
    const more = metadata && Object.keys(metadata).length > 0 ? { metadata } : {};
    switch (role) {
      case MessageRole.ASSISTANT: {
        const message: Assistant = { id, role: "assistant", content: wordsOf(entry), ...more };
        this.#push(message);
        this.#parents.message(stepOf(entry), id);
        return;
      }
      case MessageRole.SYSTEM:
        this.messages.push({ id, role: "system", content, ...more });
        break;
      case MessageRole.DEVELOPER:
        this.messages.push({ id, role: "developer", content, ...more });
        break;
      case MessageRole.USER: {
        const known = fromParts(parts);
        this.messages.push({ id, role: "user", content: known.length > 0 ? known : content, ...more });
        break;
      }
      default:
    }
    this.#parents.interrupt();
  }

  #call(entry: Message): void {
    const call = firstOf(entry.parts, "toolCall");
    if (call === undefined) return;
    const parentId = this.#parents.ofCall(stepOf(entry), entry.id);
    const parent = this.#assistants.get(parentId) ?? this.#push({ id: parentId, role: "assistant" });
    const { callId = "", name = "", arguments: args = "" } = call;
    parent.toolCalls ??= [];
    const id = toolCallIdOf(callId, entry.id);
    parent.toolCalls.push({ id, type: "function", function: { name, arguments: args } });
    this.#calls.set(callId, { owner: parent, id });
  }

  #push(message: Assistant): Assistant {
    this.messages.push(message);
    this.#assistants.set(message.id, message);
    return message;
  }

  #result(entry: Message): void {
    const result = firstOf(entry.parts, "toolResult");
    if (result === undefined || result.preliminary) return;
    const { callId = "" } = result;
    const call = this.#calls.get(callId);
    const toolCallId = call?.id ?? callId;
    const id = this.#idsOfResults.get(toolCallId) ?? resultIdOf(toolCallId);
    let at = call === undefined ? this.messages.length : this.messages.lastIndexOf(call.owner) + 1;
    while (this.messages[at]?.role === "tool") at++;
    const content = resultContent(result);
    // Of a tool that the client ran: the stream has no word for it, so one that the server ran has none there either.
    const failed = result.isError && typeof content === "string" && entry.sender?.type !== ActorType.AGENT;
    this.messages.splice(at, 0, { id, role: "tool", toolCallId, content, ...(failed && { error: content }) });
    this.#parents.interrupt();
  }
}

/** From so many characters on an agent's id of a call is taken for unique in the thread; its contract asks for less. */
const UNIQUE_LENGTH = 20;

/**
 * The id of a call for the client, which takes two calls with one id for one: the agent's own, or that of the entry for
 * a short one such as `call_0`.
 */
export function toolCallIdOf(callId: string, entryId: string): string {
  return callId.length >= UNIQUE_LENGTH ? callId : entryId;
}

/** The id of a result's message, which the client knows from that of the call. */
export function resultIdOf(toolCallId: string): string {
  return `${toolCallId}:result`;
}

/** Names the call of the model that wrote an entry. */
export function stepOf({ turnId, step }: Pick<Message, "turnId" | "step">): string {
  return `${turnId}/${step}`;
}

/** A reasoning in words: the thoughts, or else their summaries. */
export function thoughts(part: ReasoningPart | undefined): string {
  return part?.text || (part?.summary.join("\n\n") ?? "");
}

type Case = NonNullable<Part["content"]["case"]>;
type ValueOf<C extends Case> = Extract<Part["content"], { case: C }>["value"];

/** The first part of a kind. */
export function firstOf<C extends Case>(parts: readonly Part[], kind: C): ValueOf<C> | undefined {
  return parts.find(({ content }) => content.case === kind)?.content.value as ValueOf<C> | undefined;
}

/** What a message says: its text, and below it what an agent refused, for which AG-UI has no words of its own. */
export function wordsOf({ content, parts }: Message): string {
  const refusals = parts.flatMap((part) => (part.content.case === "refusal" ? [part.content.value.text] : []));
  return refusals.length === 0 ? content : [content, ...refusals].filter((text) => text !== "").join("\n");
}
