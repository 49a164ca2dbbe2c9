// How a client sent a file's bytes: noted beside a part whose file is stored, so that it comes back as it came.
import { parseJson } from "../../../domain/json.ts";

/** The name in a part's `extra_json` of what stands before the base64 of a data URL; empty: bytes were sent as such. */
export const HEAD = "dataUrl";

/** A data URL as it is written back exactly: everything up to the base64, and that. Undefined: it is another URL. */
export function splitDataUrl(url: string): { readonly head: string; readonly bytes: Buffer<ArrayBuffer> } | undefined {
  const end = /^data:[^,]{0,512};base64,/i.exec(url)?.[0].length;
  if (end === undefined) return undefined;
  const bytes = bytesOfBase64(url.slice(end));
  return bytes && { head: url.slice(0, end), bytes };
}

/** Undefined: what is written of the bytes again would be another text. */
export function bytesOfBase64(text: string): Buffer<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, "base64");
  return bytes.length > 0 && bytes.toString("base64") === text ? bytes : undefined;
}

/** The media type that a data URL names; empty: none. */
export function mediaTypeIn(head: string): string {
  return /^data:([^;,]*)/i.exec(head)?.[1] ?? "";
}

/** `extra_json` with the head of the part's data URL, or an empty one. */
export function withHead(extraJson: string | undefined, head: string): string {
  return JSON.stringify({ ...(extraJson && (parseJson(extraJson) as object)), [HEAD]: head });
}

/** Undefined: no client sent the bytes with the message. */
export function headIn(extraJson: string | undefined): string | undefined {
  if (!extraJson?.includes(`"${HEAD}"`)) return undefined;
  const { [HEAD]: head } = parseJson(extraJson) as Readonly<Record<string, unknown>>;
  return typeof head === "string" && /^(?:data:[^,]*;base64,)?$/i.test(head) ? head : undefined;
}
