// Reads a posted request: the chat's id, its messages or the last one, and its options.

import type { JsonObject } from "@bufbuild/protobuf";
import { z } from "zod";
import { DomainError, ErrorReason, type FieldViolation } from "../../domain/errors.ts";
import { checkClientId } from "../shared/conversations.ts";
import { readJsonBody } from "../shared/json-body.ts";
import { listOf } from "../shared/list-of.ts";

/** The values of a body: by default each request has the whole chat again. */
const MAX_VALUES = 200_000;

const messageShape = z.looseObject({
  id: z.string(),
  role: z.enum(["user", "assistant", "system"]),
  parts: listOf(z.object({ type: z.string() })),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

const bodyShape = z.looseObject({
  id: z.string(),
  messages: z.array(z.unknown()).nullish(),
  message: z.unknown().optional(),
  trigger: z.string().nullish(),
  messageId: z.string().nullish(),
  agent: z.string().max(200).nullish(),
  tools: z.unknown().optional(),
});

const toolShape = z.object({
  description: z.string().nullish(),
  inputSchema: z.unknown().optional(),
  parameters: z.unknown().optional(),
});
const toolsShape = z.union([
  z.array(toolShape.extend({ name: z.string() })).transform((list) => list.map((tool) => [tool.name, tool] as const)),
  z.record(z.string(), toolShape).transform((tools) => Object.entries(tools)),
]);

/** A part of a UI message, as its client wrote it. */
export type UiPart = JsonObject & { type: string };

export interface UiMessage {
  readonly id: string;
  readonly role: "user" | "assistant" | "system";
  readonly parts: readonly UiPart[];
  readonly metadata?: JsonObject | undefined;
}

export interface PostedTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchemaJson: string;
}

/** A message that is read when it is asked for: of a long chat only the last ones are. */
export interface PostedChat {
  readonly id: string;
  /** How many messages there are, at least one. */
  readonly count: number;
  /** Throws INVALID_FIELD. */
  message(index: number): UiMessage;
  /** The name of a message for errors, such as `messages[3]`. */
  place(index: number): string;
  readonly regenerates: boolean;
  /** Empty: none is named. */
  readonly messageId: string;
  /** Empty: none is named. */
  readonly agent: string;
  readonly tools: readonly PostedTool[];
}

/** Throws MALFORMED_BODY and INVALID_FIELD. */
export async function readPosted(bytes: Uint8Array): Promise<PostedChat> {
  const body = parse(bodyShape, await readJsonBody(bytes, MAX_VALUES), "");
  checkClientId("id", body.id);
  const { messages, message, trigger, messageId, agent, tools } = body;
  const alone = (messages === undefined || messages === null) && message !== undefined && message !== null;
  const list = alone ? [message] : (messages ?? []);
  if (list.length === 0) throw invalid([{ field: "messages", description: "must not be empty", rule: "min_items" }]);
  requireUniqueIds(list);
  const place = (index: number) => (alone ? "message" : `messages[${index}]`);
  return {
    id: body.id,
    count: list.length,
    message: (index) => readMessage(list[index], place(index)),
    place,
    regenerates: trigger === "regenerate-message",
    messageId: messageId ?? "",
    agent: agent ?? "",
    tools: tools === undefined || tools === null ? [] : parse(toolsShape, tools, "tools").map(toTool),
  };
}

/** The tools that a request brings, which its client runs. */
export function clientTools({ tools }: PostedChat) {
  return tools.map((tool) => ({ ...tool, runs: { case: "client" as const, value: {} } }));
}

/** One of two would be lost. */
function requireUniqueIds(list: readonly unknown[]): void {
  const ids = new Set<string>();
  for (const [index, value] of list.entries()) {
    const { id } = (value ?? {}) as { id?: unknown };
    if (typeof id !== "string") continue;
    if (ids.has(id)) {
      throw invalid([{ field: `messages[${index}].id`, description: "must not occur twice", rule: "unique" }]);
    }
    ids.add(id);
  }
}

/** The field that a part of this type is about, which is a string. */
const ABOUT: ReadonlyMap<string, string> = new Map([
  ["text", "text"],
  ["reasoning", "text"],
  ["file", "url"],
  ["source-url", "url"],
]);

function readMessage(value: unknown, place: string): UiMessage {
  const { id, role, parts, metadata } = parse(messageShape, value, place);
  checkClientId(`${place}.id`, id);
  for (const [index, part] of parts.entries()) {
    const about = ABOUT.get(part.type);
    if (about === undefined || typeof part[about] === "string") continue;
    const field = `${place}.parts[${index}].${about}`;
    throw invalid([{ field, description: "must be a string", rule: "invalid_type" }]);
  }
  return { id, role, parts: parts as UiPart[], ...(metadata && { metadata: metadata as JsonObject }) };
}

function toTool([name, { description, inputSchema, parameters }]: readonly [string, z.output<typeof toolShape>]) {
  return { name, description: description ?? "", inputSchemaJson: JSON.stringify(inputSchema ?? parameters ?? {}) };
}

function parse<T extends z.ZodType>(schema: T, value: unknown, place: string): z.output<T> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw invalid(
    read.error.issues.slice(0, 5).map((issue) => ({
      field: placeOf(place, issue.path),
      description: ruleOf(issue),
      rule: issue.code,
    })),
  );
}

function invalid(violations: readonly FieldViolation[]): DomainError {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new DomainError(ErrorReason.INVALID_FIELD, text, { violations });
}

function placeOf(place: string, path: readonly PropertyKey[]): string {
  let text = place;
  for (const step of path)
    text += typeof step === "number" ? `[${step}]` : `${text && "."}${String(step).slice(0, 100)}`;
  return text || "body";
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  array: "a list",
  object: "an object",
  record: "an object",
};

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.message.endsWith("received undefined")) return "is missing";
      return `must be ${EXPECTED[issue.expected] ?? "valid"}`;
    case "invalid_value":
      return `must be ${issue.values
        .map(String)
        .join(", ")
        .replace(/, (?=[^,]*$)/, " or ")}`;
    case "invalid_union":
      return "must be a list of tools, or an object of tools by their names";
    case "too_big":
      return `must have at most ${issue.maximum} characters`;
    default:
      return issue.message;
  }
}
