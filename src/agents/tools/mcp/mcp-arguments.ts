// The arguments of a call as a tool of an MCP server takes them.
import { parseJson } from "../../../domain/json.ts";

/** Numbers keep their digits: those that JavaScript would change go out as they were written. */
export function readExactly(text: string): Record<string, unknown> {
  const keep = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? rawJson(source) : value;
  return (JSON.parse as (text: string, reviver: typeof keep) => Record<string, unknown>)(text, keep);
}

const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };

interface Property {
  readonly type?: unknown;
  readonly nullable?: unknown;
}

/**
 * The arguments without null for what may be left out and cannot be null: models write it for what they do not need, and
 * servers refuse it.
 *
 * @param schemaJson the schema of the tool
 */
export function withoutNulls(args: Record<string, unknown>, schemaJson: string): Record<string, unknown> {
  if (!Object.values(args).includes(null)) return args;
  const { properties = {}, required = [] } = parseJson(schemaJson) as {
    properties?: Readonly<Record<string, Property | boolean>>;
    required?: readonly string[];
  };
  const isIdle = (name: string) => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (typeof property !== "object" || property.nullable === true || required.includes(name)) return false;
    const types = [property.type].flat();
    return types.every((type) => typeof type === "string") && !types.includes("null");
  };
  return Object.fromEntries(Object.entries(args).filter(([name, value]) => value !== null || !isIdle(name)));
}
