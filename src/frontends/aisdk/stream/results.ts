// Results of tools as UI messages hold them.
import type { JsonValue } from "@bufbuild/protobuf";
import type { ToolResultPart } from "../../../../gen/colloquy/v1/part_pb.ts";
import { jsonOr, toUiParts } from "../parts/write.ts";

/** Undefined: it gave nothing. */
export function outputOf({ output }: ToolResultPart): JsonValue | undefined {
  switch (output.case) {
    case "json":
      return jsonOr(output.value);
    case "text":
      return output.value;
    case "parts":
      return toUiParts(output.value.parts);
    default:
      return undefined;
  }
}

/** Why it failed, in words. */
export function errorOf({ output }: ToolResultPart): string {
  if (output.case === "text" || output.case === "json") return output.value;
  const texts = output.case === "parts" ? output.value.parts.map(({ content }) => content) : [];
  return texts.flatMap((one) => (one.case === "text" ? [one.value.text] : [])).join("\n") || "the tool failed";
}
