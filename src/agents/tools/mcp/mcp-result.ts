// The result of an MCP server's tool as that of a call.
import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/client";
import { type Part, PartListSchema, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import { MAX_PARTS } from "../../../domain/parts/rules.ts";
import { type ToolOutcome, toolFailure } from "../tool-runner.ts";

/** The most bytes of a result, images and sound in base64 included. */
export const MAX_MCP_RESULT_BYTES = 768 * 1024;

type Block = CallToolResult["content"][number];

/**
 * What the server sent, whole and once: its blocks, and what is structured unless the blocks say it. A text is often
 * the structured value in JSON, and as often a summary of it, or words that it does not have.
 */
export function outcomeOf({ content, structuredContent, isError = false }: CallToolResult): ToolOutcome {
  const size = Buffer.byteLength(JSON.stringify([content, structuredContent]));
  if (size > MAX_MCP_RESULT_BYTES) return toolFailure(`the tool returned more than ${MAX_MCP_RESULT_BYTES} bytes`);
  const structured = structuredContent === undefined ? undefined : JSON.stringify(structuredContent);
  // What is too deep for JSON of the log is a text in it.
  const isDeep = structured !== undefined && jsonFault(structured) !== undefined;
  const texts = content.flatMap((block) => (block.type === "text" ? [block.text.toWellFormed()] : []));
  if (texts.length < content.length) {
    const parts = content.map(partOf);
    if (structured !== undefined && !isSaid(structuredContent, structured, content, texts)) {
      parts.push(textPart(structured));
    }
    // With the result, which is a part itself.
    if (parts.length >= MAX_PARTS) return toolFailure(`the tool returned more than ${MAX_PARTS - 1} parts`);
    return { output: { case: "parts", value: create(PartListSchema, { parts }) }, isError };
  }
  const text = texts.join("\n");
  if (structured === undefined) {
    return { output: texts.length === 0 ? { case: undefined } : { case: "text", value: text }, isError };
  }
  const saying = textsThatSay(structuredContent, texts);
  const hasMore = texts.slice(saying).some((one) => one.trim() !== "");
  if (!hasMore) return { output: { case: isDeep ? "text" : "json", value: structured }, isError };
  const words = structured === "{}" || saying > 0 ? text : `${text}\n${structured}`;
  return { output: { case: "text", value: words }, isError };
}

type Structured = CallToolResult["structuredContent"];

/** Whether the blocks say what is structured: in their texts, or by pictures and sounds whose bytes it repeats. */
function isSaid(value: Structured, json: string, blocks: readonly Block[], texts: readonly string[]): boolean {
  const repeats = blocks.some((block) => "data" in block && block.data !== "" && json.includes(block.data));
  return json === "{}" || repeats || textsThatSay(value, texts) > 0;
}

/** How many of the texts say a value, in JSON or as it is: all, one for each of its items; the first; or none. */
function textsThatSay(value: Structured, texts: readonly string[]): number {
  const values = texts.map(readValue);
  const { result, ...others } = (value ?? {}) as { result?: unknown };
  // Servers wrap what is no object.
  const meant = result !== undefined && Object.keys(others).length === 0 ? [value, result] : [value];
  const says = (...all: unknown[]) => meant.some((one) => all.some((said) => isDeepStrictEqual(said, one)));
  if (texts.length > 0 && says(values, texts)) return texts.length;
  return texts.length > 0 && says(values[0], texts[0]) ? 1 : 0;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function partOf(block: Block): Part {
  switch (block.type) {
    case "text":
      return textPart(block.text);
    case "image":
    case "audio":
      return create(PartSchema, {
        content: {
          case: "file",
          value: {
            source: { case: "data", value: Buffer.from(block.data, "base64") },
            mediaType: block.mimeType.toWellFormed().slice(0, 200),
          },
        },
      });
    case "resource_link":
      return textPart(`${block.name}: ${block.uri}`);
    case "resource": {
      const { resource } = block;
      if ("text" in resource) return textPart(resource.text);
      const mediaType = (resource.mimeType ?? "application/octet-stream").toWellFormed().slice(0, 200);
      const data = Buffer.from(resource.blob, "base64");
      return create(PartSchema, {
        content: { case: "file", value: { source: { case: "data", value: data }, mediaType } },
      });
    }
    default:
      return textPart(JSON.stringify(block));
  }
}

function textPart(text: string): Part {
  return create(PartSchema, { content: { case: "text", value: { text: text.toWellFormed() } } });
}
