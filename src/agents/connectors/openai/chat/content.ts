// Content in the form of chat completions: texts, images, audio, files.
import type { FilePart } from "../../../../../gen/colloquy/v1/part_pb.ts";
import type { Content } from "../../history/content.ts";
import { addressOf, bytesOf, dataUrl, fileText, fileWords, mediaTypeOf } from "../../history/files.ts";

export type ChatContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string; readonly detail?: string } }
  | { readonly type: "input_audio"; readonly input_audio: { readonly data: string; readonly format: string } }
  | {
      readonly type: "file";
      readonly file: { readonly filename?: string; readonly file_data?: string; readonly file_id?: string };
    };

/** What a user said. Texts next to each other are one. */
export function chatContent(content: readonly Content[]): ChatContent[] {
  const told: ChatContent[] = [];
  for (const one of content) {
    const next = one.type === "file" ? chatFile(one.file, one.isImage) : ({ type: "text", text: one.text } as const);
    const last = told.at(-1);
    if (next.type === "text" && last?.type === "text")
      told[told.length - 1] = { type: "text", text: `${last.text}\n${next.text}` };
    else told.push(next);
  }
  return told;
}

/** The same for those who may send text alone, with words in place of files. */
export function textContent(content: readonly Content[]): string {
  return content
    .map((one) => (one.type === "file" ? (fileText(one.file) ?? fileWords(one.file)) : one.text))
    .join("\n");
}

function chatFile(file: FilePart, isImage = false): ChatContent {
  const type = mediaTypeOf(file);
  const bytes = bytesOf(file);
  const address = addressOf(file);
  const { name, detail } = file;
  if ((isImage || type.startsWith("image/")) && (bytes ?? address) !== undefined) {
    const url = bytes ? dataUrl({ ...bytes, mediaType: type || bytes.mediaType }) : (address ?? "");
    return { type: "image_url", image_url: { url, ...(detail ? { detail } : {}) } };
  }
  const format = AUDIO[type];
  if (bytes && format !== undefined) return { type: "input_audio", input_audio: { data: bytes.base64, format } };
  const text = fileText(file);
  if (text !== undefined) return { type: "text", text };
  if (bytes) {
    return {
      type: "file",
      file: { filename: name || "file", file_data: dataUrl({ ...bytes, mediaType: type || bytes.mediaType }) },
    };
  }
  if (file.source.case === "fileId") return { type: "file", file: { file_id: file.source.value } };
  return { type: "text", text: fileWords(file) };
}

const AUDIO: Readonly<Record<string, string>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
};
