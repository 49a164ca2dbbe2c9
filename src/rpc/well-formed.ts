// What every request must be that protovalidate cannot say: text and numbers that every wire and the database can carry.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../domain/errors.ts";

/** The most levels of objects and lists in a Struct, itself included. */
export const MAX_STRUCT_DEPTH = 32;
/** The most bytes of a Struct, written as JSON. */
export const MAX_STRUCT_BYTES = 16 * 1024;

type Fields = Readonly<Record<string, unknown>>;
type Report = (field: string, rule: string, description: string) => void;
type Visit = (value: unknown, path: string, report: Report) => void;
interface Step {
  readonly field: DescField;
  readonly visit: Visit;
}

/**
 * Makes a check of whole messages: no NUL and no lone surrogate in a string, no number that JSON cannot carry, Structs
 * within their depth and size. What it walks is worked out once for each message type.
 */
export function createWellFormedCheck(): (schema: DescMessage, message: Message) => FieldViolation[] {
  const plans = new Map<DescMessage, Step[]>();

  function planOf(schema: DescMessage): Step[] {
    let plan = plans.get(schema);
    if (plan === undefined) {
      plan = [];
      // Known before it is filled: a message may hold itself.
      plans.set(schema, plan);
      for (const field of schema.fields) {
        const visit = visitOf(field);
        if (visit !== undefined) plan.push({ field, visit });
      }
    }
    return plan;
  }

  function visitOf(field: DescField): Visit | undefined {
    switch (field.fieldKind) {
      case "scalar":
        return visitScalar(field.scalar);
      case "message":
        return visitMessage(field);
      case "enum":
        return undefined;
      case "list": {
        const item = field.listKind === "message" ? visitMessage(field) : visitScalar(field.scalar);
        if (item === undefined) return undefined;
        return (value, path, report) => {
          (value as readonly unknown[]).forEach((v, i) => {
            item(v, `${path}[${i}]`, report);
          });
        };
      }
      case "map": {
        const key = visitScalar(field.mapKey);
        const item = field.mapKind === "message" ? visitMessage(field) : visitScalar(field.scalar);
        if (key === undefined && item === undefined) return undefined;
        return (value, path, report) => {
          for (const [k, v] of Object.entries(value as Fields)) {
            key?.(k, path, report);
            item?.(v, `${path}[${JSON.stringify(k)}]`, report);
          }
        };
      }
      default:
        return undefined;
    }
  }

  function visitMessage({ message: schema, parent }: DescField & { readonly message: DescMessage }): Visit {
    const plan = planOf(schema);
    // Whatever is in it, `$typeName` too: that a Struct stands in a field, and not in a Value, makes it plain JSON.
    const isJson = schema.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value";
    return (value, path, report) => {
      // A wrapper such as StringValue comes unwrapped, and a Struct as the JSON that it stands for.
      if (typeof value !== "object" || value === null) visitPrimitive(value, path, report);
      else if (isJson) visitStruct(value, path, report);
      else walk(plan, value as Fields, path, report);
    };
  }

  return (schema, message) => {
    const violations: FieldViolation[] = [];
    walk(planOf(schema), message as unknown as Fields, "", (field, rule, description) => {
      if (violations.length < 20) violations.push({ field, rule, description });
    });
    return violations;
  };
}

function walk(plan: readonly Step[], message: Fields, prefix: string, report: Report): void {
  for (const { field, visit } of plan) {
    const value = fieldValue(message, field);
    if (value !== undefined) visit(value, prefix === "" ? field.name : `${prefix}.${field.name}`, report);
  }
}

function fieldValue(message: Fields, field: DescField): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const choice = message[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return choice?.case === field.localName ? choice.value : undefined;
}

function visitScalar(scalar: ScalarType | undefined): Visit | undefined {
  switch (scalar) {
    case ScalarType.STRING:
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return visitPrimitive;
    default:
      return undefined;
  }
}

function visitPrimitive(value: unknown, path: string, report: Report): void {
  if (typeof value === "string") {
    if (value.includes("\0")) report(path, "string.nul", "must not hold the character U+0000");
    if (!value.isWellFormed()) report(path, "string.surrogate", "must not hold half of a surrogate pair");
  } else if (typeof value === "number" && !Number.isFinite(value)) {
    report(path, "number.finite", "must be a number that JSON can carry: not NaN, not infinite");
  }
}

function visitStruct(value: unknown, path: string, report: Report): void {
  let fine = true;
  const reportOnce: Report = (field, rule, description) => {
    if (fine) report(field, rule, description);
    fine = false;
  };
  visitJson(value, path, 1, reportOnce);
  // Only what is not too deep can be written safely.
  if (fine && Buffer.byteLength(JSON.stringify(value)) > MAX_STRUCT_BYTES) {
    report(path, "struct.max_bytes", `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`);
  }
}

function visitJson(value: unknown, path: string, depth: number, report: Report): void {
  if (typeof value !== "object" || value === null) {
    visitPrimitive(value, path, report);
  } else if (depth > MAX_STRUCT_DEPTH) {
    report(path, "struct.max_depth", `must be at most ${MAX_STRUCT_DEPTH} levels deep`);
  } else {
    for (const key in value) {
      visitPrimitive(key, path, report);
      visitJson((value as Fields)[key], path, depth + 1, report);
    }
  }
}
