// Converts a conversation to the form of Messages: user and assistant by turns, each call answered in the next message.
import { isObject } from "../failures.ts";
import { argumentsObject, toolName } from "../history/arguments.ts";
import { blocksOf, type Step } from "../history/blocks.ts";
import { CallIds } from "../history/call-ids.ts";
import type { Content } from "../history/content.ts";
import { AFTER, BEFORE } from "../history/fillers.ts";
import { withoutHosted } from "../history/hosted.ts";
import type { Item, Thought } from "../history/items.ts";
import { type Block, blocksOfContent, textBlocks } from "./content.ts";

export interface AnthropicMessage {
  readonly role: "user" | "assistant";
  readonly content: Block[];
}

export interface AnthropicHistory {
  /** Empty: none. */
  readonly system: string;
  readonly messages: AnthropicMessage[];
  /** The names of the tools that were called. */
  readonly called: ReadonlySet<string>;
  /** Whether the running step, if it has calls, begins with the thoughts that its provider signed. */
  readonly hasItsThoughts: boolean;
}

const CALL_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @param withThoughts whether thoughts go back; those of another agent never do */
export function historyOf(instructions: string, items: readonly Item[], withThoughts: boolean): AnthropicHistory {
  const history = new History(instructions, withThoughts);
  for (const block of blocksOf(withoutHosted(items, "anthropic"))) {
    if (block.kind === "step") history.step(block);
    else if (block.role === "user") history.add("user", blocksOfContent(block.content));
    else history.system(block.content);
  }
  return history.finished();
}

class History {
  readonly #system: string[];
  readonly #messages: AnthropicMessage[] = [];
  readonly #ids = new CallIds(CALL_ID);
  readonly #called = new Set<string>();
  readonly #withThoughts: boolean;

  constructor(instructions: string, withThoughts: boolean) {
    this.#system = instructions.trim() === "" ? [] : [instructions];
    this.#withThoughts = withThoughts;
  }

  system(content: readonly Content[]): void {
    const texts = textBlocks(content).map(({ text }) => text as string);
    if (texts.length > 0) this.#system.push(texts.join("\n"));
  }

  step({ items }: Step): void {
    const said: Block[] = [];
    const results: Block[] = [];
    for (const item of items) {
      if (item.kind === "thought") said.push(...(this.#withThoughts ? thoughtBlocks(item) : []));
      else if (item.kind === "said") said.push(...textBlocks(item.content));
      else if (item.kind === "foreign") said.push(item.item as Block);
      else {
        const id = this.#ids.of(item.call);
        const name = toolName(item.call.name);
        this.#called.add(name);
        said.push({ type: "tool_use", id, name, input: argumentsObject(item.call.arguments) });
        const content = blocksOfContent(item.result.content);
        results.push({
          type: "tool_result",
          tool_use_id: id,
          ...(content.length > 0 && { content }),
          ...(item.result.isError && { is_error: true }),
        });
      }
    }
    // Thoughts alone lead to nothing.
    if (said.every(({ type }) => type === "thinking" || type === "redacted_thinking")) return;
    this.add("assistant", said);
    this.add("user", results);
  }

  add(role: AnthropicMessage["role"], content: readonly Block[]): void {
    if (content.length === 0) return;
    const last = this.#messages.at(-1);
    if (last?.role === role) last.content.push(...content);
    else this.#messages.push({ role, content: [...content] });
  }

  finished(): AnthropicHistory {
    const messages = this.#messages;
    if (messages[0]?.role === "assistant")
      messages.unshift({ role: "user", content: [{ type: "text", text: BEFORE }] });
    if (messages.at(-1)?.role !== "user") this.add("user", [{ type: "text", text: AFTER }]);
    const answers = messages.at(-1)?.content.some(({ type }) => type === "tool_result") ?? false;
    const first = messages.at(-2)?.content[0]?.type;
    return {
      system: this.#system.join("\n\n"),
      messages,
      called: this.#called,
      hasItsThoughts: !answers || first === "thinking" || first === "redacted_thinking",
    };
  }
}

/** As they were signed; what another agent thought, or another provider, has no signature that would be taken. */
function thoughtBlocks({ own, text, encrypted, extra }: Thought): Block[] {
  const { type } = isObject(extra.anthropic) ? extra.anthropic : {};
  if (!own || encrypted === "") return [];
  if (type === "thinking") return [{ type: "thinking", thinking: text, signature: encrypted }];
  if (type === "redacted_thinking") return [{ type: "redacted_thinking", data: encrypted }];
  return [];
}
