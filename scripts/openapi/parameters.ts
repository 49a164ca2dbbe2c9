// The path and query parameters of a binding, as the transcoder takes them.
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Binding } from "../../src/protocols/rest/binding/binding.ts";
import { pathName } from "../../src/protocols/rest/binding/field-path.ts";
import { pairReader, textReader } from "../../src/protocols/rest/binding/text-value.ts";
import type { Parameter, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import { type PathPart, patternOf } from "./openapi-path.ts";
import type { RequiredFields } from "./required.ts";
import { wellKnownSchema } from "./scalars.ts";
import type { Schemas } from "./schema.ts";

/** @param name the name that the document's path has for this part. */
export function pathParameter(name: string, part: PathPart, binding: Binding, schemas: Schemas): Parameter {
  const { variable, whole, several } = part;
  const field = variable?.path[variable.path.length - 1];
  const {
    description,
    deprecated,
    readOnly: _,
    ...own
  }: Schema = field === undefined ? { type: "string" } : schemas.field(field, "input");
  const schema: Schema = whole ? own : { type: "string" };
  // A segment is never empty.
  if (schema.type === "string" && schema.format === undefined && !schema.minLength) schema.minLength = 1;
  const notes = [description];
  if (variable !== undefined && !whole) {
    const jsonName = variable.path.map((each) => each.jsonName).join(".");
    notes.push(`A part of \`${jsonName}\`, which has the form \`${patternOf(binding, variable)}\`.`);
  }
  if (several) notes.push("Takes several segments; their slashes stay as they are.");
  const parameter: Parameter = { name, in: "path", required: true, schema };
  const text = notes.filter((note) => note !== undefined).join(" ");
  if (text !== "") parameter.description = text;
  if (deprecated) parameter.deprecated = true;
  return parameter;
}

/**
 * Every field that neither the path nor the body takes, those of nested messages by dotted names. A message within
 * itself is followed once: its parameters would have no end.
 */
export function queryParameters(binding: Binding, schemas: Schemas, required: RequiredFields): Parameter[] {
  if (binding.body.kind === "all") return [];
  const needed = required(binding.method.input);
  const walk = (message: DescMessage, path: readonly DescField[], above: readonly DescMessage[]): Parameter[] =>
    schemas.fields(message, "input").flatMap((field) => {
      const own = [...path, field];
      if (binding.taken.has(pathName(own))) return [];
      if ((textReader(field) ?? pairReader(field)) !== undefined) {
        const schema = schemas.field(field, "input");
        return schema.readOnly ? [] : [queryParameter(own, schema, path.length === 0 && needed.has(field))];
      }
      const inner = field.fieldKind === "message" ? field.message : undefined;
      if (inner === undefined || wellKnownSchema(inner) !== undefined || above.includes(inner)) return [];
      return walk(inner, own, [...above, inner]);
    });
  return walk(binding.method.input, [], [binding.method.input]);
}

function queryParameter(path: readonly DescField[], described: Schema, required: boolean): Parameter {
  const { description, deprecated, writeOnly: _, ...schema } = described;
  const parameter: Parameter = { name: path.map((each) => each.jsonName).join("."), in: "query", schema };
  if (required) parameter.required = true;
  if (description !== undefined) parameter.description = description;
  if (deprecated) parameter.deprecated = true;
  const kind = path[path.length - 1]?.fieldKind;
  if (kind === "list") parameter.style = "form";
  // `labels[team]=support`
  if (kind === "map") parameter.style = "deepObject";
  if (parameter.style !== undefined) parameter.explode = true;
  return parameter;
}
