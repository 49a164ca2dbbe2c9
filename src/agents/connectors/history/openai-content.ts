// Content parts as OpenAI's clients write them, where they were kept as JSON: in outputs of tools, and what has no part of
// its own.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { FilePartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../../../domain/json.ts";
import { isObject } from "../failures.ts";
import type { Content } from "./content.ts";

/** The format of an opaque part that is one of them. */
export const OPENAI_CONTENT = "openai/content";

/** Types of outputs whose JSON is a list of them. */
export const OPENAI_OUTPUTS: readonly string[] = ["function_call_output", "custom_tool_call_output"];

/** A list of them. Undefined: the text is no such list. */
export function contentsIn(text: string): Content[] | undefined {
  const list = parsed(text);
  return Array.isArray(list) && list.every(isObject) ? list.map((one) => contentIn(one)) : undefined;
}

/**
 * What a part says, and for Responses the part as it is.
 * @param otherwise what other APIs are told of a part of a type that is not known here; default: its JSON
 */
export function contentIn(json: JsonObject, otherwise: string = JSON.stringify(json)): Content {
  const { type, text, refusal, input_audio: audio } = json;
  switch (type) {
    case "input_text":
      return { type: "text", text: stringOf(text), json };
    case "text":
    case "output_text":
    case "refusal": {
      const said = stringOf(text ?? refusal);
      return { type: "text", text: said, json: { type: "input_text", text: said } };
    }
    case "input_image":
      return { type: "file", isImage: true, file: fileOf(json, json.image_url), json };
    case "input_file":
      return { type: "file", file: fileOf(json, json.file_url ?? json.file_data), json };
    case "input_audio":
      return isObject(audio) ? { type: "file", file: recording(audio) } : { type: "text", text: otherwise };
    default:
      return { type: "text", text: otherwise, json };
  }
}

function fileOf({ file_id: fileId, filename, detail }: JsonObject, url: JsonValue | undefined) {
  return create(FilePartSchema, {
    ...(typeof url === "string"
      ? { source: { case: "url", value: url } as const }
      : typeof fileId === "string" && { source: { case: "fileId", value: fileId } as const }),
    ...(typeof filename === "string" && { name: filename }),
    ...(typeof detail === "string" && { detail }),
  });
}

function recording({ data, format }: JsonObject) {
  const value = Buffer.from(stringOf(data), "base64");
  const mediaType = `audio/${format === "mp3" ? "mpeg" : stringOf(format) || "wav"}`;
  return create(FilePartSchema, { mediaType, source: { case: "data", value } });
}

function stringOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

function parsed(text: string): JsonValue | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
