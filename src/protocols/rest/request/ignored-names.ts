// Finds the names in a JSON body that a lenient mount ignores, because the method has no such field.
import { type DescField, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { FieldBehavior, field_behavior } from "../../../../gen/google/api/field_behavior_pb.ts";
import type { Binding } from "../binding/binding.ts";

/**
 * Names in the outermost object of a body: fields that the path fills or the server alone sets, and names of the
 * contract where JSON has another.
 */
export function namesToSkip(binding: Binding): ReadonlySet<string> {
  const fields = schemaOf(binding)?.fields ?? [];
  const read = new Set(fields.filter((field) => isSent(field, binding)).map(({ jsonName }) => jsonName));
  return new Set(fields.flatMap(({ name, jsonName }) => [name, jsonName]).filter((name) => !read.has(name)));
}

/** The message that the body is; undefined: it is none, or one with a JSON form of its own. */
function schemaOf({ method, body }: Binding): DescMessage | undefined {
  if (body.kind === "all") return method.input;
  const message = body.kind === "field" && body.field.fieldKind === "message" ? body.field.message : undefined;
  return message?.typeName.startsWith("google.protobuf.") ? undefined : message;
}

function isSent(field: DescField, { body, variables }: Binding): boolean {
  const depth = body.kind === "field" ? 1 : 0;
  const inPath = variables.some(
    ({ path }) =>
      path.length === depth + 1 && path[depth] === field && (body.kind !== "field" || path[0] === body.field),
  );
  return !inPath && !isOutputOnly(field);
}

function isOutputOnly(field: DescField): boolean {
  return hasOption(field, field_behavior) && getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY);
}
