// Files of a history: their bytes as base64 or text, and a text in place of those that a provider does not accept.
import type { FilePart } from "../../../../gen/colloquy/v1/part_pb.ts";

export interface Bytes {
  readonly mediaType: string;
  readonly base64: string;
}

/** The bytes of a file that holds them, or whose URL does; undefined: they are elsewhere. */
export function bytesOf({ source, mediaType }: FilePart): Bytes | undefined {
  if (source.case === "data") {
    return { mediaType: mediaType || "application/octet-stream", base64: Buffer.from(source.value).toString("base64") };
  }
  if (source.case !== "url") return undefined;
  const [, type = "", base64, data = ""] =
    /^data:([^,;]*)(?:;(?!base64,)[^,;]*)*(;base64)?,(.*)$/is.exec(source.value) ?? [];
  if (!/^data:/i.test(source.value)) return undefined;
  const known = type || mediaType || "text/plain";
  return {
    mediaType: known,
    base64: base64 ? data.replace(/\s+/g, "") : Buffer.from(percentDecoded(data)).toString("base64"),
  };
}

export function dataUrl({ mediaType, base64 }: Bytes): string {
  return `data:${mediaType};base64,${base64}`;
}

/** The address of a file that is elsewhere. */
export function addressOf({ source }: FilePart): string | undefined {
  return source.case === "url" && /^https?:/i.test(source.value) ? source.value : undefined;
}

/** Without parameters, in lower case; empty: not known. */
export function mediaTypeOf(file: FilePart): string {
  const type = file.mediaType || bytesOf(file)?.mediaType || BY_ENDING[endingOf(file)] || "";
  return type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The text of a file that is text. Every model reads it; few take it as a file. */
export function fileText(file: FilePart): string | undefined {
  const bytes = bytesOf(file);
  if (bytes === undefined || !isText(mediaTypeOf(file))) return undefined;
  return `${file.name || "File"}:\n${Buffer.from(bytes.base64, "base64").toString("utf8").toWellFormed()}`;
}

/** Words in place of a file that the model cannot be given: where its bytes are left out, that it does not have them. */
export function fileWords(file: FilePart): string {
  const what = [file.name, mediaTypeOf(file), addressOf(file)].filter(Boolean).join(", ");
  const is = file.source.case === undefined ? "A file that is not available here" : "A file";
  return `(${is}${what === "" ? "" : `: ${what}`}.)`;
}

/** @param mediaType in lower case */
export function isText(mediaType: string): boolean {
  return TEXTS.test(mediaType);
}

const TEXTS = /^(text\/.*|application\/(json|xml|yaml|x-yaml|javascript|typescript|sql|x-sh|.+\+(json|xml)))$/;

const BY_ENDING: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  pdf: "application/pdf",
  wav: "audio/wav",
  mp3: "audio/mpeg",
  txt: "text/plain",
  md: "text/markdown",
};

function endingOf(file: FilePart): string {
  const address = addressOf(file);
  const path = file.name || (address !== undefined && URL.canParse(address) ? new URL(address).pathname : "");
  return /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
