// Converts a conversation to the form of chat completions that every model server accepts, including strict chat
// templates.
import { ToolType } from "../../../../../gen/colloquy/v1/part_pb.ts";
import { argumentsText, toolName } from "../../history/arguments.ts";
import { type Answered, type Block, blocksOf, type Step } from "../../history/blocks.ts";
import { CallIds } from "../../history/call-ids.ts";
import type { Content } from "../../history/content.ts";
import { AFTER, BEFORE } from "../../history/fillers.ts";
import { withoutHosted } from "../../history/hosted.ts";
import type { Item, Thought } from "../../history/items.ts";
import { type ChatContent, chatContent, textContent } from "./content.ts";
import { THOUGHT_FIELDS, thoughtFields } from "./thoughts.ts";

export interface ChatMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string | ChatContent[] | null;
  tool_calls?: ChatCall[];
  tool_call_id?: string;
  /** The model's thoughts, under the name of its provider. */
  [thoughts: string]: unknown;
}

export type ChatCall = { readonly id: string; readonly extra_content?: unknown } & (
  | { readonly type: "function"; readonly function: { readonly name: string; readonly arguments: string } }
  | { readonly type: "custom"; readonly custom: { readonly name: string; readonly input: string } }
);

/** Which of its earlier thoughts a model is told: those of turns with tool calls and of the last turn, none, or all. */
export type ThoughtsTold = "tool-turns" | "none" | "all";

const BETWEEN = "(No reply.)";

export interface HistoryOptions {
  /** Default: those of turns with tool calls. */
  readonly thoughts?: ThoughtsTold | undefined;
  /** The names of those that the request has: other endpoints know functions alone, which their calls become. */
  readonly customTools?: ReadonlySet<string>;
}

/** OpenAI takes ids of up to 40 characters. */
const CALL_ID = /^\S{1,40}$/;

/**
 * One system message first, with the developers' text, then user and assistant alternating, a user first, a user or a
 * tool last, none of them empty. No text is dropped: neighbours of one role are joined with an empty line. Calls made
 * in one step are one assistant message, and each is followed by its result. Between a result and a user there is an
 * assistant. Thoughts go back under the name by which their server told them, where the same agent is asked.
 */
export function historyOf(
  instructions: string,
  items: readonly Item[],
  { thoughts = "tool-turns", customTools = new Set() }: HistoryOptions = {},
): ChatMessage[] {
  const history = new History(instructions, customTools);
  for (const turn of turnsOf(blocksOf(withoutHosted(items)))) {
    const told = thoughts === "all" || (thoughts === "tool-turns" && (turn.isLast || turn.blocks.some(hasCalls)));
    for (const block of turn.blocks) {
      if (block.kind === "step") history.step(block, told);
      else if (block.role === "user") history.user(block.content);
      else history.system(block.content);
    }
  }
  return history.finished();
}

/** What follows each message of the user. */
function turnsOf(blocks: readonly Block[]): { readonly blocks: Block[]; readonly isLast: boolean }[] {
  const turns: Block[][] = [[]];
  for (const block of blocks) {
    if (block.kind === "said" && block.role === "user") turns.push([]);
    turns.at(-1)?.push(block);
  }
  return turns.map((turn, index) => ({ blocks: turn, isLast: index === turns.length - 1 }));
}

function hasCalls(block: Block): boolean {
  return block.kind === "step" && block.items.some(({ kind }) => kind === "answered");
}

class History {
  readonly #system: string[];
  readonly #said: ChatMessage[] = [];
  readonly #ids = new CallIds(CALL_ID);

  readonly #customTools: ReadonlySet<string>;

  constructor(instructions: string, customTools: ReadonlySet<string>) {
    this.#customTools = customTools;
    this.#system = instructions.trim() === "" ? [] : [instructions];
  }

  system(content: readonly Content[]): void {
    const text = textContent(content);
    if (text !== "") this.#system.push(text);
  }

  user(content: readonly Content[]): void {
    if (this.#said.at(-1)?.role === "tool") this.#said.push({ role: "assistant", content: BETWEEN });
    this.#join("user", chatContent(content));
  }

  step({ items }: Step, told: boolean): void {
    const answered = items.filter((item) => item.kind === "answered");
    const thoughts = items.filter((item): item is Thought => told && item.kind === "thought" && item.own);
    const text = items.map((item) => (item.kind === "said" ? textContent(item.content) : "")).filter(Boolean);
    if (text.length === 0 && answered.length === 0) return;
    const message = this.#assistant(text.join("\n\n"));
    for (const [name, value] of Object.entries(thoughtFields(thoughts))) message[name] ??= value;
    if (answered.length === 0) return;
    // `null` beside calls is what OpenAI sends; an empty text is refused by some.
    message.tool_calls = answered.map(({ call }) => ({ ...this.#call(call) }));
    const images: ChatContent[] = [];
    for (const [index, { result }] of answered.entries()) {
      this.#said.push(this.#result(message.tool_calls[index] as ChatCall, result, images));
    }
    // A result is text alone: what else there is follows as a message.
    if (images.length > 0) {
      this.#said.push({ role: "assistant", content: BETWEEN });
      this.#join("user", images);
    }
  }

  finished(): ChatMessage[] {
    if (this.#said[0]?.role === "assistant") this.#said.unshift({ role: "user", content: BEFORE });
    const last = this.#said.at(-1)?.role;
    if (last !== "user" && last !== "tool") this.#said.push({ role: "user", content: AFTER });
    if (this.#system.length === 0) return this.#said;
    return [{ role: "system", content: this.#system.join("\n\n") }, ...this.#said];
  }

  #call(call: Answered["call"]): ChatCall {
    const { extra_content } = call.extra;
    // Longer ids than OpenAI's are this server's own: its calls get them back.
    const given = call.own && typeof call.extra.call_id === "string" ? call.extra.call_id : undefined;
    const id = given ?? this.#ids.of(call);
    const name = toolName(call.name);
    if (call.type === ToolType.CUSTOM && this.#customTools.has(name))
      return { id, type: "custom", custom: { name, input: call.arguments } };
    return {
      id,
      type: "function",
      function: { name, arguments: argumentsText(call.arguments) },
      // Gemini refuses calls without the signature that it gave them.
      ...(call.own && extra_content !== undefined && { extra_content }),
    };
  }

  #result(call: ChatCall, { content, isError, synthetic }: Answered["result"], images: ChatContent[]): ChatMessage {
    const parts = chatContent(content);
    const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
    const rest = parts.filter(({ type }) => type !== "text");
    const note = rest.length > 0 ? "(Its files follow in the next message.)" : "";
    images.push(...rest);
    const said = [text, note].filter(Boolean).join("\n");
    const told = isError && !synthetic ? `Error: ${said}` : said;
    return { role: "tool", tool_call_id: call.id, content: told === "" ? "(No output.)" : told };
  }

  /** The assistant's message that goes on, with more text. */
  #assistant(text: string): ChatMessage {
    const last = this.#said.at(-1);
    if (last?.role !== "assistant" || last.tool_calls !== undefined) {
      const message: ChatMessage = { role: "assistant", content: text === "" ? null : text };
      this.#said.push(message);
      return message;
    }
    if (text !== "") last.content = last.content === null ? text : `${last.content}\n\n${text}`;
    // Its thoughts were of what it said before.
    for (const field of THOUGHT_FIELDS) delete last[field];
    return last;
  }

  #join(role: "user", content: readonly ChatContent[]): void {
    const last = this.#said.at(-1);
    if (last?.role !== role) {
      this.#said.push({ role, content: collapsed(content) });
      return;
    }
    const before: ChatContent[] =
      typeof last.content === "string" ? [{ type: "text", text: last.content }] : [...(last.content ?? [])];
    const [first, ...rest] = content;
    const end = before.at(-1);
    if (first?.type === "text" && end?.type === "text") {
      before[before.length - 1] = { type: "text", text: `${end.text}\n\n${first.text}` };
      last.content = collapsed([...before, ...rest]);
    } else last.content = collapsed([...before, ...content]);
  }
}

/** Text alone is a string: many servers take nothing else. */
function collapsed(content: readonly ChatContent[]): string | ChatContent[] {
  const [first, second] = content;
  return first?.type === "text" && second === undefined ? first.text : [...content];
}
