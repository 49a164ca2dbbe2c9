// The outputs of tools that hold pictures and files in place: as parts, of which those can be stored files.
import { create } from "@bufbuild/protobuf";
import { type Part, PartSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import { opaque, type PartDraft } from "./drafts.ts";
import { FORMATS } from "./item-types.ts";
import { elementsOf, type Members, membersOf, textOf } from "./json-members.ts";
import { contentPart } from "./read-message.ts";

/**
 * The content of a tool's output as parts. Undefined: it is no output with content of which one is a picture or file, by
 * URL or in place, and stays the JSON that it is.
 */
export function outputWithFiles({ content }: Part): Part[] | undefined {
  if (content.case !== "toolResult" || content.value.output.case !== "json") return undefined;
  const { value: json } = content.value.output;
  if (!/"(?:image_url|file_url|file_data)"/.test(json)) return undefined;
  const members = (json.startsWith("{") ? [json] : (elementsOf(json) ?? [])).map(membersOf);
  const parts: Part[] = [];
  for (const one of members) {
    if (one === undefined) return undefined;
    parts.push(create(PartSchema, outputPart(one)));
  }
  return parts.some((part) => part.content.case === "file") ? parts : undefined;
}

/** Only what comes back as it was, without what messages fill in. An id of a file stays what the provider knows. */
function outputPart(members: Members): PartDraft {
  const type = textOf(members.get("type")) ?? "";
  const isFile = type === "input_image" || type === "input_file" || type === "computer_screenshot";
  const isText = type === "input_text" && members.size === 2 && textOf(members.get("text")) !== undefined;
  const asItIs = opaque(FORMATS.content, new Map(members));
  if (!isFile && !isText) return asItIs;
  const part = contentPart(members, false, "");
  const source = part.content?.case === "file" ? part.content.value.source?.case : "url";
  return source === "url" || source === "data" ? part : asItIs;
}
