// Arguments and names of calls as strict providers take them.
import type { JsonObject } from "@bufbuild/protobuf";
import { objectOf } from "./items.ts";

/**
 * The arguments as text of a JSON object. What is none, such as what broke off or a custom tool's input, would make
 * strict servers refuse the conversation for good: it is put under `input`.
 */
export function argumentsText(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "{}";
  if (trimmed.startsWith("{")) {
    try {
      JSON.parse(trimmed);
      return text;
    } catch {}
  }
  return JSON.stringify({ input: text });
}

export function argumentsObject(text: string): JsonObject {
  return objectOf(argumentsText(text));
}

/** A name that every provider takes. */
export function toolName(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "tool";
}
