// Turns a path template of google.api.http into a path of OpenAPI, which knows only variables of one segment.
import type { Binding, PathVariable } from "../../src/protocols/rest/binding/binding.ts";

/** One `{…}` of an OpenAPI path. */
export interface PathPart {
  /** The name between the braces. */
  readonly name: string;
  /** The variable that it belongs to, or undefined for a wildcard outside of one. */
  readonly variable: PathVariable | undefined;
  /** Whether it is the variable's whole value. */
  readonly whole: boolean;
  /** Whether it takes several segments. */
  readonly several: boolean;
}

export interface OpenApiPath {
  readonly path: string;
  readonly parts: readonly PathPart[];
}

/**
 * A literal within a variable becomes a literal of the path; a variable with several wildcards becomes numbered parts.
 */
export function toOpenApiPath({ template, variables }: Binding): OpenApiPath {
  const parts: PathPart[] = [];
  const counts = new Map<PathVariable | undefined, number>();
  const wildcards = (variable: PathVariable) =>
    template.segments.slice(variable.start, variable.end).filter(({ kind }) => kind !== "literal").length;
  const segments = template.segments.map((segment, index) => {
    if (segment.kind === "literal") return segment.text;
    const variable = variables.find(({ start, end }) => index >= start && index < (end ?? Number.POSITIVE_INFINITY));
    const number = (counts.get(variable) ?? 0) + 1;
    counts.set(variable, number);
    const base = variable === undefined ? "segment" : nameOf(variable);
    const name = variable !== undefined && wildcards(variable) === 1 ? base : `${base}_${number}`;
    const whole = variable !== undefined && (variable.end ?? template.segments.length) - variable.start === 1;
    parts.push({ name, variable, whole, several: segment.kind === "rest" });
    return `{${name}}`;
  });
  return { path: `/${segments.join("/")}${template.verb === "" ? "" : `:${template.verb}`}`, parts };
}

/** The form of a variable as its template has it, such as `shelves/*`. */
export function patternOf({ template }: Binding, { start, end }: PathVariable): string {
  const text = { one: "*", rest: "**" };
  const segments = template.segments.slice(start, end);
  return segments.map((segment) => (segment.kind === "literal" ? segment.text : text[segment.kind])).join("/");
}

/** The path with its variables' names left out: two paths of one shape are one path to OpenAPI. */
export function openApiShape(path: string): string {
  return path.replace(/\{[^}]*\}/g, "{}");
}

// Dots would be legal, but clients make identifiers of these names.
function nameOf({ path }: PathVariable): string {
  return path.map((field) => field.jsonName).join("_");
}
