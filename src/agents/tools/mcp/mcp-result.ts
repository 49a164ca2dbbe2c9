// The result of an MCP server's tool as that of a call.
import { create } from "@bufbuild/protobuf";
import type { CallToolResult } from "@modelcontextprotocol/client";
import { type Part, PartListSchema, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import { type ToolOutcome, toolFailure } from "../tool-runner.ts";

/** The most bytes of a result, images and sound in base64 included. */
export const MAX_MCP_RESULT_BYTES = 768 * 1024;

type Block = CallToolResult["content"][number];

export function outcomeOf({ content, structuredContent, isError = false }: CallToolResult): ToolOutcome {
  const size = Buffer.byteLength(JSON.stringify([content, structuredContent]));
  if (size > MAX_MCP_RESULT_BYTES) return toolFailure(`the tool returned more than ${MAX_MCP_RESULT_BYTES} bytes`);
  const texts = content.flatMap((block) => (block.type === "text" ? [block.text.toWellFormed()] : []));
  if (texts.length < content.length) {
    const parts = create(PartListSchema, { parts: content.map(partOf) });
    return { output: { case: "parts", value: parts }, isError };
  }
  // Servers send what is structured as text too.
  const json = structuredContent === undefined ? undefined : JSON.stringify(structuredContent);
  if (json !== undefined && jsonFault(json) === undefined) return { output: { case: "json", value: json }, isError };
  if (texts.length === 0) return { output: { case: undefined }, isError };
  return { output: { case: "text", value: texts.join("\n") }, isError };
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
