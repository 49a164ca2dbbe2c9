// Rules for the parts of a message beyond those of each field.
import type { Part, ToolResultPart } from "../../../gen/colloquy/v1/part_pb.ts";
import { isStoredFile, MAX_FILES, TOO_MANY_FILES } from "../files/named.ts";
import { contentOf } from "./content.ts";
import { jsonFault } from "./json-text.ts";
import { partsText } from "./stored.ts";

/** The most parts of a message, those in tool results included. */
export const MAX_PARTS = 512;
/** The most bytes of a message's parts, written as JSON. */
export const MAX_PARTS_BYTES = 1024 * 1024;

type Path = readonly (string | number)[];

/** Tells a broken rule of what stands at a place in the holder of the parts. */
export type Report = (place: Path, rule: string, description: string) => void;

/** A message or one of its revisions. */
export interface PartHolder {
  readonly content: string;
  readonly parts: readonly Part[];
}

/** Its parts are no more than the rules of the list say. */
export function checkParts({ content, parts }: PartHolder, report: Report): void {
  if (parts.length === 0) return;
  const check = new PartCheck(report);
  const fine = check.list(parts, ["parts"], false);
  if (!fine) return;
  if (check.count > MAX_PARTS) {
    report(["parts"], "parts.max_items", `must be at most ${MAX_PARTS} parts, those in tool results included`);
  } else if (check.maxBytes() > MAX_PARTS_BYTES && Buffer.byteLength(partsText(parts) ?? "") > MAX_PARTS_BYTES) {
    report(["parts"], "parts.max_bytes", `must be at most ${MAX_PARTS_BYTES} bytes of JSON`);
  } else if (check.files.size > MAX_FILES) {
    report(["parts"], "parts.max_files", TOO_MANY_FILES);
  } else if (content !== "" && content !== contentOf(parts)) {
    const rule = "must be empty, or the texts of the text parts, one below the other";
    report(["content"], "content.parts", rule);
  }
}

/** In JSON each UTF-16 unit takes six bytes at most, and what stands around the values of a part less than this. */
const UNIT_BYTES = 6;
const FRAME_BYTES = 512;
/** The quotes and the comma of one text of a list. */
const SUMMARY_FRAMES = 3 / FRAME_BYTES;

class PartCheck {
  readonly #report: Report;
  readonly #ids = new Set<string>();
  #units = 0;
  #frames = 0;
  #fine = true;
  count = 0;
  /** The stored files that they name. */
  readonly files = new Set<string>();

  constructor(report: Report) {
    this.#report = report;
  }

  maxBytes(): number {
    return UNIT_BYTES * this.#units + FRAME_BYTES * this.#frames;
  }

  /** Whether all are as they must be. */
  list(parts: readonly Part[], place: Path, inResult: boolean): boolean {
    this.count += parts.length;
    if (this.count > MAX_PARTS) return this.#fine;
    parts.forEach((part, index) => {
      this.#part(part, [...place, index], inResult);
    });
    return this.#fine;
  }

  #fault(place: Path, rule: string, description: string): void {
    this.#fine = false;
    this.#report(place, rule, description);
  }

  #part({ id, extraJson, content }: Part, place: Path, inResult: boolean): void {
    this.#frames += 1;
    this.#weigh(id);
    if (id !== undefined && id !== "") {
      if (this.#ids.has(id)) this.#fault([...place, "id"], "part.id", "must be unique in its message");
      this.#ids.add(id);
    }
    this.#json([...place, "extra_json"], extraJson, "object");
    if (content.case === undefined) {
      this.#fault(place, "part.content", "must hold one of text, reasoning, tool_call and the others");
    } else if (content.case === "toolResult") {
      this.#result(content.value, place, inResult);
    } else {
      this.#content(content, place);
    }
  }

  #result({ callId, output }: ToolResultPart, place: Path, inResult: boolean): void {
    this.#weigh(callId);
    if (inResult) this.#fault(place, "part.nesting", "must not be a tool's result within another");
    else if (output.case === "text") this.#weigh(output.value);
    else if (output.case === "json") this.#json([...place, "tool_result", "json"], output.value);
    else if (output.case === "parts") this.list(output.value.parts, [...place, "tool_result", "parts", "parts"], true);
  }

  #content(content: Part["content"], place: Path): void {
    for (const value of Object.values(content.value ?? {})) this.#weigh(value);
    switch (content.case) {
      case "text":
        for (const [index, { extraJson, target }] of content.value.annotations.entries()) {
          this.#frames += 1;
          this.#json([...place, "text", "annotations", index, "extra_json"], extraJson, "object");
          for (const value of Object.values(target.value ?? {})) this.#weigh(value);
        }
        break;
      case "reasoning":
        for (const text of content.value.summary) {
          this.#frames += SUMMARY_FRAMES;
          this.#weigh(text);
        }
        break;
      case "approvalRequest":
        this.#json([...place, "approval_request", "response_schema_json"], content.value.responseSchemaJson);
        break;
      case "approvalResponse":
        this.#json([...place, "approval_response", "payload_json"], content.value.payloadJson);
        break;
      case "data":
        this.#json([...place, "data", "json"], content.value.json);
        break;
      case "opaque":
        this.#json([...place, "opaque", "json"], content.value.json);
        break;
      case "file":
        this.#weigh(content.value.source.value);
        if (isStoredFile(content.value.source)) this.files.add(content.value.source.value.toLowerCase());
        break;
      case "source": {
        const { value } = content.value.origin;
        for (const one of typeof value === "object" ? Object.values(value) : [value]) this.#weigh(one);
      }
    }
  }

  #json(place: Path, text: string | undefined, kind?: "object"): void {
    if (text === undefined) return;
    this.#weigh(text);
    const fault = jsonFault(text, kind);
    if (fault !== undefined) this.#fault(place, ...fault);
  }

  #weigh(value: unknown): void {
    if (typeof value === "string") this.#units += value.length;
    // In base64.
    else if (value instanceof Uint8Array) this.#units += value.length / 4;
  }
}
