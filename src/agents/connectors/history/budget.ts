// Fits a history into a number of tokens, which are estimated: each model counts its own.
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { AgentTool } from "../../../domain/turns/agent-tool.ts";
import { sizeStoodFor } from "../streamed-files.ts";
import { type Block, blocksOf, NONE, type Step } from "./blocks.ts";
import type { Content } from "./content.ts";
import { mediaTypeOf } from "./files.ts";
import type { Item, Said } from "./items.ts";

const BYTES_PER_TOKEN = 4;
const IMAGE_TOKENS = 1_000;
/** What stands around a message or call. */
const FRAME_BYTES = 16;

/** What is sent with every request, in bytes. */
export function fixedBytes(instructions: string, tools: readonly AgentTool[]): number {
  const sizes = tools.map(({ name, description, inputSchemaJson }) => sizeOf(name + description + inputSchemaJson));
  return sizes.reduce((sum, size) => sum + size + FRAME_BYTES, sizeOf(instructions));
}

/** The size of a history, in bytes, as the budget counts it. */
export function historyBytes(items: readonly Item[]): number {
  return blocksOf(items).reduce((sum, block) => sum + bytesOf(block), 0);
}

/** At least 1, for 0 is no limit. */
export function tokensOf(bytes: number): number {
  return Math.max(Math.floor(bytes / BYTES_PER_TOKEN), 1);
}

/**
 * Leaves out whole turns, the oldest first, until the rest fits. System messages stay, and so does the last turn's
 * message; of its steps the oldest are left out where it alone is too long. A call never goes without its result.
 * @param maxTokens 0: no limit
 * @param fixed what else the request has, in bytes
 */
export function withinBudget(items: readonly Item[], maxTokens: number, fixed: number): readonly Item[] {
  if (maxTokens === 0) return items;
  const blocks = blocksOf(items);
  let left = maxTokens * BYTES_PER_TOKEN - fixed;
  for (const block of blocks) if (isPinned(block)) left -= bytesOf(block);
  const kept = new Set<Block>(blocks.filter(isPinned));
  const turns = turnsOf(blocks.filter((block) => !isPinned(block)));
  const last = turns.pop() ?? [];
  // What is replied to, and the latest step, go in any case.
  const [asked, ...steps] = last;
  for (const block of [asked, ...steps.splice(-1)]) {
    if (block === undefined) continue;
    kept.add(block);
    left -= bytesOf(block);
  }
  let fits = true;
  for (const unit of [...turns, ...steps.map((step) => [step])].reverse()) {
    fits = fits && take(unit);
  }
  return kept.size === blocks.length ? items : blocks.filter((block) => kept.has(block)).flatMap(itemsIn);

  function take(unit: readonly Block[]): boolean {
    const size = unit.reduce((sum, block) => sum + bytesOf(block), 0);
    if (size > left) return false;
    left -= size;
    for (const block of unit) kept.add(block);
    return true;
  }
}

function isPinned(block: Block): boolean {
  return block.kind === "said" && block.role !== "user";
}

/** Each begins with what the user said; messages that follow each other at once are of one turn. */
function turnsOf(blocks: readonly Block[]): Block[][] {
  const turns: Block[][] = [];
  for (const block of blocks) {
    if (turns.length === 0 || block.kind === "said") turns.push([]);
    turns.at(-1)?.push(block);
  }
  return turns;
}

function itemsIn(block: Block): Item[] {
  if (block.kind === "said") return [block];
  const results: Item[] = [];
  const items = block.items.map((item): Item => {
    if (item.kind !== "answered") return item;
    const { call, result } = item;
    const { content, isError, extra } = result;
    if (result !== NONE) results.push({ kind: "result", callId: call.callId, content, isError, extra });
    return call;
  });
  return [...items, ...results];
}

function bytesOf(block: Said | Step): number {
  if (block.kind === "said") return FRAME_BYTES + contentBytes(block.content);
  let bytes = 0;
  for (const item of block.items) {
    bytes += FRAME_BYTES;
    if (item.kind === "said") bytes += contentBytes(item.content);
    else if (item.kind === "thought") bytes += sizeOf(item.text) + sizeOf(item.encrypted);
    else if (item.kind === "foreign") bytes += sizeOf(JSON.stringify(item.item));
    else
      bytes += sizeOf(item.call.name) + sizeOf(item.call.arguments) + FRAME_BYTES + contentBytes(item.result.content);
  }
  return bytes;
}

function contentBytes(content: readonly Content[]): number {
  return content.reduce((sum, one) => sum + (one.type === "file" ? fileBytes(one.file) : sizeOf(one.text)), 0);
}

function fileBytes(file: FilePart): number {
  if (mediaTypeOf(file).startsWith("image/")) return IMAGE_TOKENS * BYTES_PER_TOKEN;
  const { source } = file;
  if (source.case === "url") return sizeStoodFor(source.value) ?? sizeOf(source.value);
  return source.case === "data" ? source.value.length : source.case === undefined ? 0 : sizeOf(source.value);
}

function sizeOf(text: string): number {
  return Buffer.byteLength(text);
}
