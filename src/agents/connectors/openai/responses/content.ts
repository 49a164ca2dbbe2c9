// Content in the form of Responses.
import type { JsonObject } from "@bufbuild/protobuf";
import type { FilePart } from "../../../../../gen/colloquy/v1/part_pb.ts";
import { addressOf, bytesOf, dataUrl, fileText, fileWords, mediaTypeOf } from "../../history/files.ts";
import type { Content } from "../../history/items.ts";

/** Of a user, of instructions, or of a tool's output. */
export function inputContent(content: readonly Content[]): JsonObject[] {
  return content.map((one) => (one.type === "file" ? inputFile(one.file) : { type: "input_text", text: one.text }));
}

/** Of the model. Files that it sent are told in words. */
export function outputContent(content: readonly Content[]): JsonObject[] {
  return content.map((one) => {
    if (one.type === "refusal") return { type: "refusal", refusal: one.text };
    return { type: "output_text", text: one.type === "file" ? (fileText(one.file) ?? fileWords(one.file)) : one.text };
  });
}

function inputFile(file: FilePart): JsonObject {
  const type = mediaTypeOf(file);
  const bytes = bytesOf(file);
  const address = addressOf(file);
  const fileId = file.source.case === "fileId" ? file.source.value : undefined;
  const { name, detail } = file;
  if (type.startsWith("image/")) {
    const url = bytes ? dataUrl({ ...bytes, mediaType: type }) : address;
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
