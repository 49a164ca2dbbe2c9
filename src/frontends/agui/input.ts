// RunAgentInput: what a client posts. What is not read here (forwardedProps, an agent's words) is left alone.
import { z } from "zod";
import { DomainError, ErrorReason, type FieldViolation } from "../../domain/errors.ts";
import { checkClientId } from "../shared/conversations.ts";
import { readJsonBody } from "../shared/json-body.ts";
import { listOf } from "../shared/list-of.ts";

/** The values of a body: each run posts the whole thread again. */
const MAX_VALUES = 200_000;
const MAX_RUN_ID = 1024;

/** So many parts fit a message; to check more of them would take long. */
const MAX_PARTS = 512;

const contentPart = z.object({
  type: z.string(),
  text: z.string().nullish(),
  source: z
    .object({
      type: z.string(),
      value: z.string(),
      mimeType: z.string().nullish(),
      provider: z.string().nullish(),
    })
    .nullish(),
});

const content = z.union([z.string(), listOf(contentPart, MAX_PARTS)]).nullish();

const message = z.object({ id: z.string(), role: z.string() });

const spoken = z.looseObject({ id: z.string(), role: z.string(), content });

const toolMessage = z.looseObject({
  id: z.string(),
  role: z.literal("tool"),
  toolCallId: z.string(),
  content,
  error: z.string().nullish(),
});

const resumeEntry = z.object({
  interruptId: z.string(),
  status: z.enum(["resolved", "cancelled"]),
  payload: z.unknown().optional(),
});

const tool = z.object({ name: z.string(), description: z.string().nullish(), parameters: z.unknown().optional() });

const input = z.looseObject({
  threadId: z.string(),
  runId: z.string(),
  parentRunId: z.string().nullish(),
  messages: listOf(message).nullish(),
  tools: listOf(tool).nullish(),
  resume: listOf(resumeEntry).nullish(),
  state: z.unknown().optional(),
  context: listOf(z.object({ description: z.string(), value: z.string() })).nullish(),
});

export type Content = z.output<typeof content>;
export type ContentPart = z.output<typeof contentPart> & Readonly<Record<string, unknown>>;
export type PostedMessage = z.output<typeof message> & Readonly<Record<string, unknown>>;
export type Spoken = z.output<typeof spoken>;
export type ToolMessage = z.output<typeof toolMessage>;
export type ResumeEntry = z.output<typeof resumeEntry> & Readonly<Record<string, unknown>>;
export type PostedTool = z.output<typeof tool> & Readonly<Record<string, unknown>>;

export interface RunInput {
  readonly threadId: string;
  readonly runId: string;
  readonly parentRunId: string | undefined;
  readonly messages: readonly PostedMessage[];
  readonly tools: readonly PostedTool[];
  readonly resume: readonly ResumeEntry[];
  /** The state that the client has, as JSON. Undefined: none, or an empty object, with which every client begins. */
  readonly stateJson: string | undefined;
  readonly context: readonly { readonly description: string; readonly value: string }[];
}

/** Throws MALFORMED_BODY and INVALID_FIELD. */
export async function readInput(bytes: Uint8Array): Promise<RunInput> {
  const read = parse(input, await readJsonBody(bytes, MAX_VALUES), []);
  const { threadId, runId, messages, tools, resume } = read;
  const parentRunId = read.parentRunId ?? undefined;
  checkClientId("threadId", threadId);
  if (runId === "" || runId.length > MAX_RUN_ID) {
    throw invalid([{ field: "runId", description: `must have 1 to ${MAX_RUN_ID} characters`, rule: "size" }]);
  }
  return {
    threadId,
    runId,
    parentRunId,
    messages: messages ?? [],
    tools: tools ?? [],
    resume: resume ?? [],
    stateJson: stateIn(read.state),
    context: (read.context ?? []).map(({ description, value }) => ({ description, value })),
  };
}

function stateIn(state: unknown): string | undefined {
  if (state === undefined || state === null) return undefined;
  const text = JSON.stringify(state);
  return text === "{}" ? undefined : text;
}

/** A message with text or parts, at a place in `messages`. */
export function readSpoken(posted: PostedMessage, at: number): Spoken {
  checkClientId(`messages[${at}].id`, posted.id);
  return parse(spoken, posted, ["messages", at]);
}

export function readToolMessage(posted: PostedMessage, at: number): ToolMessage {
  return parse(toolMessage, posted, ["messages", at]);
}

function parse<T extends z.ZodType>(schema: T, value: unknown, place: readonly PropertyKey[]): z.output<T> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw invalid(
    read.error.issues.slice(0, 10).map((issue) => {
      const field = pathText([...place, ...issue.path]);
      return { field, description: ruleOf(issue), rule: issue.code };
    }),
  );
}

function invalid(violations: readonly FieldViolation[]): DomainError {
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new DomainError(ErrorReason.INVALID_FIELD, text, { violations });
}

/** `messages[3].id`; of the whole, `body`. */
function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) text += typeof step === "number" ? `[${step}]` : `${text && "."}${String(step)}`;
  return text || "body";
}

const EXPECTED: Readonly<Record<string, string>> = { string: "a string", array: "an array", object: "an object" };

function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") {
    return issue.message.endsWith("received undefined")
      ? "is missing"
      : `must be ${EXPECTED[issue.expected] ?? "valid"}`;
  }
  if (issue.code === "invalid_value") return `must be ${issue.values.map(String).join(" or ")}`;
  if (issue.code === "invalid_union") return "must be a string or an array of parts";
  return issue.message;
}
