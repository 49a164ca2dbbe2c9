// Gives bodies and required parameters of a finished document an example each.

import type {
  MediaType,
  OpenApiDocument,
  Operation,
  Parameter,
  Schema,
} from "../../src/protocols/rest/docs/openapi-types.ts";
import { type ExampleContext, exampleOf } from "./examples.ts";

export function addExamples(document: OpenApiDocument): OpenApiDocument {
  const resolve = (ref: string): Schema => {
    const schema = document.components.schemas[ref.slice("#/components/schemas/".length)];
    if (schema === undefined) throw new Error(`there is no ${ref}`);
    return schema;
  };
  for (const item of Object.values(document.paths)) {
    const { "x-additionalOperations": others = {}, ...named } = item;
    for (const operation of [...Object.values(named as Record<string, Operation>), ...Object.values(others)]) {
      for (const parameter of operation.parameters ?? [])
        if ("in" in parameter) addToParameter(parameter, { resolve, sent: true });
      addToContent(operation.requestBody?.content, { resolve, sent: true });
      for (const response of Object.values(operation.responses)) {
        if ("content" in response) addToContent(response.content, { resolve, sent: false });
      }
    }
  }
  return document;
}

function addToParameter(parameter: Parameter, context: ExampleContext): void {
  if (!parameter.required) return;
  const example = exampleOf(parameter.schema, context, parameter.name);
  if (example !== undefined) parameter.example = example;
}

function addToContent(content: Record<string, MediaType> | undefined, context: ExampleContext): void {
  for (const [type, media] of Object.entries(content ?? {})) {
    if (type !== "application/json" || media.example !== undefined || media.examples !== undefined) continue;
    const example = exampleOf(media.schema, context);
    if (example !== undefined) media.example = example;
  }
}
