// The interface of a tool: its name, the schemas of its arguments and result, and its handler.
import { z } from "zod";
import { DomainError, ErrorReason, type FieldViolation } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** Tells the caller that the work goes on; `message` is what there is to show of it. */
export type Progress = (message?: string) => Promise<void>;

export interface ToolCall {
  readonly canonical: Canonical;
  readonly context: CallContext;
  readonly progress: Progress;
}

interface ObjectSchema {
  readonly type: "object";
  [keyword: string]: unknown;
}

export interface Tool {
  readonly definition: {
    readonly name: string;
    readonly title: string;
    readonly description: string;
    readonly inputSchema: ObjectSchema;
    readonly outputSchema: ObjectSchema;
    readonly annotations: Hints;
  };
  /** Throws INVALID_FIELD for arguments that are not of the schema, and what the services throw. */
  run(args: unknown, call: ToolCall): Promise<Record<string, unknown>>;
}

type Hints = {
  readonly readOnlyHint: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint: boolean;
};

export interface ToolParts<I extends z.ZodObject, O extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: I;
  readonly output: O;
  readonly annotations: Hints;
  run(args: z.output<I>, call: ToolCall): Promise<z.input<O>>;
}

export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(parts: ToolParts<I, O>): Tool {
  const { name, title, description, input, output, annotations, run } = parts;
  return {
    definition: {
      name,
      title,
      description,
      inputSchema: schemaOf(input, "input"),
      outputSchema: schemaOf(output, "output"),
      annotations,
    },
    async run(args, call) {
      const read = input.safeParse(withoutNulls(args));
      if (!read.success) throw invalidArguments(read.error.issues);
      return run(read.data, call);
    },
  };
}

function schemaOf(schema: z.ZodObject, io: "input" | "output"): ObjectSchema {
  // Without $schema: the protocol's own default is the dialect that is written here.
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return { ...rest, type: "object" };
}

/** As everywhere in the contract's JSON, null is a field that is not there. */
function withoutNulls(args: unknown): unknown {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return args;
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}

function invalidArguments(issues: readonly z.core.$ZodIssue[]): DomainError {
  const violations = issues.slice(0, 20).flatMap(violationsOf);
  const text = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new DomainError(ErrorReason.INVALID_FIELD, text, { violations });
}

function violationsOf(issue: z.core.$ZodIssue): FieldViolation[] {
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.slice(0, 20).map((key) => key.slice(0, 100));
    return keys.map((field) => ({ field, description: "is not an argument of this tool", rule: "unknown" }));
  }
  const field = issue.path.length === 0 ? "arguments" : issue.path.map(String).join(".");
  return [{ field, description: ruleOf(issue), rule: issue.code }];
}

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.message.endsWith("received undefined")) return "is missing";
      return `must be ${{ string: "a string", object: "an object" }[issue.expected as string] ?? "a whole number"}`;
    case "too_small":
      return `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}
