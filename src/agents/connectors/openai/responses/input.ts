// Converts a conversation to the input of Responses: an item for each message, thought, call and result.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type FilePart, ToolPlace, ToolType } from "../../../../../gen/colloquy/v1/part_pb.ts";
import { isObject } from "../../failures.ts";
import { argumentsText, toolName } from "../../history/arguments.ts";
import { type Answered, blocksOf, type Step } from "../../history/blocks.ts";
import { CallIds } from "../../history/call-ids.ts";
import { addressOf, bytesOf, dataUrl, mediaTypeOf } from "../../history/files.ts";
import { AFTER } from "../../history/fillers.ts";
import { isHosted } from "../../history/hosted.ts";
import { type Call, type Item, type Result, type Said, type Thought, textOf } from "../../history/items.ts";
import { inputContent, outputContent } from "./content.ts";

/** OpenAI takes ids of up to 64 characters. */
const CALL_ID = /^\S{1,64}$/;

/**
 * Each call is followed by its output. Ids are left out, for nothing is stored there, but those of thoughts and of
 * hosted tools' items. A thought goes back only as the provider encrypted it, and only before what it led to.
 * @param withThoughts whether thoughts go back at all
 */
export function inputOf(items: readonly Item[], withThoughts: boolean): JsonObject[] {
  const input = new Input(withThoughts);
  for (const block of blocksOf(withHosted(items))) {
    if (block.kind === "step") input.step(block);
    else input.said(block);
  }
  return input.items;
}

/** An input to reply to: endpoints refuse an empty one, and a model has nothing to say to its own last message. */
export function answerable(input: JsonObject[]): JsonObject[] {
  const last = input.at(-1);
  if (last !== undefined && last.role !== "assistant") return input;
  return [...input, { type: "message", role: "user", content: inputContent([textOf(AFTER)]) }];
}

/** Items of hosted tools that were stored as calls and results are items of the provider again. */
function withHosted(items: readonly Item[]): Item[] {
  const answered = new Set(
    items.flatMap((item) =>
      item.kind === "result" && isHostedResult(item) && !lacksScreenshot(item) ? [item.callId] : [],
    ),
  );
  const asked = new Set<JsonValue | undefined>();
  return items.flatMap((item): Item[] => {
    if (item.kind === "foreign") {
      const { type, id, approval_request_id: question } = item.item;
      if (type === "mcp_approval_request") asked.add(id);
      // The endpoint refuses an answer to what it does not read; the question may have been too long ago.
      if (type === "mcp_approval_response" && !asked.has(question)) return [];
      return item.format === "openai" ? [item] : [];
    }
    if (item.kind === "call" && isHosted(item)) {
      // What this machine would have had to run, and did not, has no output that could be made up.
      if (typeof item.extra.type !== "string" || (item.place === ToolPlace.CLIENT && !answered.has(item.callId)))
        return [];
      return [{ kind: "foreign", format: "openai", item: hostedCall(item) }];
    }
    if (item.kind === "result" && isHostedResult(item)) {
      return lacksScreenshot(item) ? [] : [{ kind: "foreign", format: "openai", item: hostedResult(item) }];
    }
    return [item];
  });
}

const OUTPUTS = ["function_call_output", "custom_tool_call_output"];

function isHostedResult({ extra: { type } }: Result): boolean {
  return typeof type === "string" && !OUTPUTS.includes(type);
}

function hostedCall({ callId, name, arguments: text, type, extra }: Call): JsonObject {
  return {
    ...(callId !== "" && { call_id: callId }),
    ...(name !== "" && name !== extra.type && { name }),
    ...(text !== "" && { [type === ToolType.MCP ? "arguments" : "input"]: text }),
    ...extra,
  };
}

function hostedResult({ callId, content, extra }: Result): JsonObject {
  const [first] = content;
  const output = first?.type === "file" ? screenshot(first.file) : jsonOr(first?.type === "text" ? first.text : "");
  return {
    ...(callId !== "" && callId !== extra.id && { call_id: callId }),
    // What a search for tools gives are the tools.
    ...("output" in extra || "tools" in extra ? {} : { output: output ?? "" }),
    ...extra,
  };
}

/** Undefined: neither its bytes nor its address are there. */
function screenshot(file: FilePart): JsonObject | undefined {
  const bytes = bytesOf(file);
  const url = bytes ? dataUrl({ ...bytes, mediaType: mediaTypeOf(file) || bytes.mediaType }) : addressOf(file);
  return url === undefined ? undefined : { type: "computer_screenshot", image_url: url };
}

/** A picture of a screen that is left out of a call, for there are too many bytes: the endpoint refuses an output without it. */
function lacksScreenshot({ content: [first] }: Result): boolean {
  return first?.type === "file" && screenshot(first.file) === undefined;
}

class Input {
  readonly items: JsonObject[] = [];
  readonly #ids = new CallIds(CALL_ID);
  readonly #withThoughts: boolean;

  constructor(withThoughts: boolean) {
    this.#withThoughts = withThoughts;
  }

  said({ role, phase, content }: Said): void {
    this.items.push({
      type: "message",
      role,
      ...(phase !== undefined && { phase }),
      content: role === "assistant" ? outputContent(content) : inputContent(content),
    });
  }

  step({ items }: Step): void {
    const outputs: JsonObject[] = [];
    for (const [index, item] of items.entries()) {
      if (item.kind === "thought") {
        // Orphaned, it would make the endpoint refuse the conversation.
        const led = items.slice(index + 1).some(({ kind }) => kind !== "thought");
        const thought = led && this.#withThoughts ? thoughtOf(item) : undefined;
        if (thought) this.items.push(thought);
      } else if (item.kind === "said") this.said(item);
      else if (item.kind === "foreign") this.items.push(withoutNulls(item.item));
      else outputs.push(this.#call(item));
    }
    this.items.push(...outputs);
  }

  /** Adds a call and returns its output. */
  #call({ call, result }: Answered): JsonObject {
    const call_id = this.#ids.of(call);
    const output = result.content.some((one) => one.type === "file" || ("json" in one && one.json !== undefined))
      ? inputContent(result.content)
      : result.content.map((one) => (one.type === "file" ? "" : one.text)).join("\n");
    const name = toolName(call.name);
    const beside = besideCall(call.extra);
    const { caller } = besideCall(result.extra);
    const answer = { call_id, ...(caller !== undefined && { caller }), output };
    if (call.type === ToolType.CUSTOM) {
      this.items.push({ type: "custom_tool_call", call_id, ...beside, name, input: call.arguments });
      return { type: "custom_tool_call_output", ...answer };
    }
    this.items.push({ type: "function_call", call_id, ...beside, name, arguments: argumentsText(call.arguments) });
    return { type: "function_call_output", ...answer };
  }
}

/** Whose tool a call is of, and what in the model's reply made it: without them a model does not know its own call. */
function besideCall({ namespace, caller }: JsonObject): { namespace?: string; caller?: JsonObject } {
  return { ...(typeof namespace === "string" && { namespace }), ...(isObject(caller) && { caller }) };
}

/** What another provider encrypted says so beside it. */
function thoughtOf({ id, summary, encrypted, extra }: Thought): JsonObject | undefined {
  if (encrypted === "" || "anthropic" in extra || "chat" in extra) return undefined;
  const given = id || extra.id;
  return {
    type: "reasoning",
    ...(typeof given === "string" && given !== "" && { id: given }),
    summary: summary.map((text) => ({ type: "summary_text", text })),
    encrypted_content: encrypted,
  };
}

/** Members that input types require, and that are null where there is nothing. */
const NULLABLE: { readonly [type: string]: readonly string[] } = {
  code_interpreter_call: ["code", "outputs"],
  image_generation_call: ["result"],
};

/** Input types lack who made an item, and else take no null where output has one. */
function withoutNulls(item: JsonObject): JsonObject {
  const kept = NULLABLE[String(item.type)] ?? [];
  const isTaken = (name: string) => name !== "created_by" && (item[name] !== null || kept.includes(name));
  return Object.fromEntries(Object.entries(item).filter(([name]) => isTaken(name)));
}

function jsonOr(text: string) {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
