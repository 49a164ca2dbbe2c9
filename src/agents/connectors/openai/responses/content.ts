// Content in the form of Responses.
import type { JsonObject } from "@bufbuild/protobuf";
import type { FilePart } from "../../../../../gen/colloquy/v1/part_pb.ts";
import type { Content } from "../../history/content.ts";
import { addressOf, bytesOf, dataUrl, fileText, fileWords, mediaTypeOf } from "../../history/files.ts";

/** Of a user, of instructions, or of a tool's output. */
export function inputContent(content: readonly Content[]): JsonObject[] {
  return content.map((one) => {
    if (one.type === "refusal") return { type: "input_text", text: one.text };
    return (
      one.json ?? (one.type === "file" ? inputFile(one.file, one.isImage) : { type: "input_text", text: one.text })
    );
  });
}

/** Of the model. Files that it sent are told in words. */
export function outputContent(content: readonly Content[]): JsonObject[] {
  return content.map((one) => {
    if (one.type === "refusal") return { type: "refusal", refusal: one.text };
    return { type: "output_text", text: one.type === "file" ? (fileText(one.file) ?? fileWords(one.file)) : one.text };
  });
}

function inputFile(file: FilePart, isImage = false): JsonObject {
  const type = mediaTypeOf(file);
  const bytes = bytesOf(file);
  const address = addressOf(file);
  const fileId = file.source.case === "fileId" ? file.source.value : undefined;
  const { name, detail } = file;
  // Responses have no part for sound, and refuse such a file.
  if (bytes && type.startsWith("audio/")) return { type: "input_text", text: `(A recording, ${type}: not told here.)` };
  if (isImage || type.startsWith("image/")) {
    const url = bytes ? dataUrl({ ...bytes, mediaType: type || bytes.mediaType }) : address;
    const source = url !== undefined ? { image_url: url } : fileId !== undefined ? { file_id: fileId } : undefined;
    if (source) return { type: "input_image", detail: detail || "auto", ...source };
  }
  const text = fileText(file);
  if (text !== undefined) return { type: "input_text", text };
  if (bytes) {
    const file_data = dataUrl({ ...bytes, mediaType: type || bytes.mediaType });
    return { type: "input_file", filename: name || "file", file_data };
  }
  if (fileId !== undefined) return { type: "input_file", file_id: fileId };
  if (address !== undefined) return { type: "input_file", file_url: address };
  return { type: "input_text", text: fileWords(file) };
}
