// Rules that protovalidate cannot express: text and numbers must be valid in every protocol and in the database.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../../domain/errors.ts";
import { jsonFault } from "../../domain/parts/json-text.ts";
import { checkParts, type PartHolder } from "../../domain/parts/rules.ts";
import { maxItems, tooManyItems } from "./item-limits.ts";
import { type Place, shownPlace, textOf } from "./message-path.ts";

/** Maximum number of levels of objects and lists in a Struct, itself included. */
export const MAX_STRUCT_DEPTH = 32;
/** Maximum bytes of a Struct, written as JSON. */
export const MAX_STRUCT_BYTES = 16 * 1024;

type Fields = Readonly<Record<string, unknown>>;
type Report = (rule: string, description: string) => void;
type Visit = (value: unknown, place: Place, report: Report) => void;
interface Step {
  readonly field: DescField;
  readonly visit: Visit;
}

/** Maximum number of violations that one check reports. */
const MAX_VIOLATIONS = 20;

/**
 * Makes a check of whole messages: lists and maps no longer than their rules say, no NUL and no lone surrogate in a
 * string, no number that JSON cannot carry, Structs within their depth and size, the parts of messages within theirs. A
 * list that is too long is not looked into. What it walks is worked out once for each message type.
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
        return scalarOf(field);
      case "message":
        return visitMessage(field);
      case "enum":
        return undefined;
      case "list":
        return visitList(field);
      case "map":
        return visitMap(field);
      default:
        return undefined;
    }
  }

  function visitList(field: DescField & { fieldKind: "list" }): Visit {
    const item = field.listKind === "message" ? visitMessage(field) : scalarOf(field);
    const max = maxItems(field);
    return (value, place, report) => {
      const items = value as readonly unknown[];
      if (items.length > max) return report(...tooManyItems(max));
      if (item === undefined) return;
      for (let i = 0; i < items.length; i++) {
        place.push(i);
        item(items[i], place, report);
        place.pop();
      }
    };
  }

  function visitMap(field: DescField & { fieldKind: "map" }): Visit {
    const key = visitScalar(field.mapKey);
    const item = field.mapKind === "message" ? visitMessage(field) : visitScalar(field.scalar);
    const max = maxItems(field);
    return (value, place, report) => {
      const keys = Object.keys(value as Fields);
      if (keys.length > max) return report(...tooManyItems(max, "map"));
      for (const k of keys) {
        key?.(k, place, report);
        place.push(`[${JSON.stringify(k)}]`);
        item?.((value as Fields)[k], place, report);
        place.pop();
      }
    };
  }

  function visitMessage({ message: schema, parent }: DescField & { readonly message: DescMessage }): Visit {
    const plan = planOf(schema);
    // Whatever is in it, `$typeName` too: that a Struct stands in a field, and not in a Value, makes it plain JSON.
    const isJson = schema.typeName === "google.protobuf.Struct" && parent.typeName !== "google.protobuf.Value";
    const holdsParts = PART_HOLDERS.includes(schema.typeName);
    return (value, place, report) => {
      // A wrapper such as StringValue comes unwrapped, and a Struct as the JSON that it stands for.
      if (typeof value !== "object" || value === null) visitPrimitive(value, place, report);
      else if (isJson) visitStruct(value, place, report);
      else {
        walk(plan, value as Fields, place, report);
        if (holdsParts) visitParts(value, place, report);
      }
    };
  }

  return (schema, message) => {
    const violations: FieldViolation[] = [];
    const place: Place = [];
    walk(planOf(schema), message as unknown as Fields, place, (rule, description) => {
      if (violations.length === MAX_VIOLATIONS) return;
      violations.push({ field: textOf(shownPlace(schema, place)), rule, description });
    });
    return violations;
  };
}

function walk(plan: readonly Step[], message: Fields, place: Place, report: Report): void {
  for (const { field, visit } of plan) {
    const value = fieldValue(message, field);
    if (value === undefined) continue;
    place.push(field.name);
    visit(value, place, report);
    place.pop();
  }
}

function fieldValue(message: Fields, field: DescField): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const choice = message[field.oneof.localName] as { case?: string; value?: unknown } | undefined;
  return choice?.case === field.localName ? choice.value : undefined;
}

/** What has parts, and the text of which is theirs. */
const PART_HOLDERS = ["colloquy.v1.Message", "colloquy.v1.MessageRevision"];

function visitParts(value: unknown, place: Place, report: Report): void {
  const depth = place.length;
  checkParts(value as PartHolder, (inner, rule, description) => {
    place.push(...inner);
    report(rule, description);
    place.length = depth;
  });
}

/** The texts in parts are stored as JSON, in which U+0000 is an escape. */
function scalarOf({ scalar, parent, name }: DescField): Visit | undefined {
  if (name === STATE) return visitState;
  return scalar === ScalarType.STRING && parent.file.name === "colloquy/v1/part" ? visitHalves : visitScalar(scalar);
}

/** The state of a conversation, wherever it is given. */
const STATE = "state_json";

const visitState: Visit = (value, place, report) => {
  if (value === "") return;
  visitPrimitive(value, place, report);
  const fault = jsonFault(value as string);
  if (fault !== undefined) report(...fault);
};

const visitHalves: Visit = (value, _place, report) => {
  if (!(value as string).isWellFormed()) report(...HALF);
};

const HALF = ["string.surrogate", "must not hold half of a surrogate pair"] as const;

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

function visitPrimitive(value: unknown, _place: Place, report: Report): void {
  if (typeof value === "string") {
    if (value.includes("\0")) report("string.nul", "must not hold the character U+0000");
    if (!value.isWellFormed()) report(...HALF);
  } else if (typeof value === "number" && !Number.isFinite(value)) {
    report("number.finite", "must be a number that JSON can carry: not NaN, not infinite");
  }
}

function visitStruct(value: unknown, place: Place, report: Report): void {
  let fine = true;
  const reportOnce: Report = (rule, description) => {
    if (fine) report(rule, description);
    fine = false;
  };
  // No more values than the most bytes can write: what is larger is not walked to its end.
  const left = visitJson(value, 1, MAX_STRUCT_BYTES, place, reportOnce);
  // Only what is not too deep can be written safely.
  if (fine && (left < 0 || Buffer.byteLength(JSON.stringify(value)) > MAX_STRUCT_BYTES)) {
    report("struct.max_bytes", `must be at most ${MAX_STRUCT_BYTES} bytes of JSON`);
  }
}

/** Gives how many of so many bytes are left; below 0: it was not walked to its end. */
function visitJson(value: unknown, depth: number, bytes: number, place: Place, report: Report): number {
  let left = bytes - 1;
  if (typeof value !== "object" || value === null) {
    visitPrimitive(value, place, report);
  } else if (depth > MAX_STRUCT_DEPTH) {
    report("struct.max_depth", `must be at most ${MAX_STRUCT_DEPTH} levels deep`);
  } else {
    const isList = Array.isArray(value);
    for (const key in value) {
      if (left < 0) break;
      place.push(isList ? Number(key) : { name: key });
      visitPrimitive(key, place, report);
      left = visitJson((value as Fields)[key], depth + 1, left - 1, place, report);
      place.pop();
    }
  }
  return left;
}
