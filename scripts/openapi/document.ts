// Puts a whole OpenAPI document together.
import type { DescMethod } from "@bufbuild/protobuf";
import { type Binding, bindingsOf } from "../../src/protocols/rest/binding/binding.ts";
import type { Components, OpenApiDocument, Operation, PathItem } from "../../src/protocols/rest/docs/openapi-types.ts";
import { createComments } from "./comments.ts";
import { addExamples } from "./document-examples.ts";
import { mergeOperations } from "./merge-operations.ts";
import { type OpenApiPath, openApiShape, toOpenApiPath } from "./openapi-path.ts";
import { createOperation, type OperationContext } from "./operation.ts";
import type { OpenApiOptions } from "./options.ts";
import { createRequired } from "./required.ts";
import { createSchemas, type Schemas } from "./schema.ts";
import { webhooksOf } from "./webhooks.ts";

/** The methods for which a path item of OpenAPI 3.1 has a place. */
const VERBS: ReadonlySet<string> = new Set(["get", "put", "post", "delete", "options", "head", "patch", "trace"]);
/** What a binding to any method is shown as. */
const ANY = ["get", "put", "post", "delete", "patch"];

interface Route {
  readonly binding: Binding;
  readonly path: OpenApiPath;
  readonly operationId: string;
}

/**
 * Describes services with google.api.http bindings as OpenAPI 3.1.
 *
 * Summaries and descriptions are the comments of the contract, which descriptors have only when they come from an image
 * with source info (`buf build -o image.binpb`); descriptors of generated code have none. The same input gives the same
 * document, byte for byte.
 *
 * Throws `BindingError` for a binding that cannot be served, and an Error where two bindings are one operation to
 * OpenAPI or a validation rule does not compile.
 */
export function createOpenApi(options: OpenApiOptions): OpenApiDocument {
  const comments = createComments();
  const required = createRequired(options.registry);
  const schemas = createSchemas({ comments, required, refuseUnknown: options.unknownFields === "refuse" });
  const components = emptyComponents();
  const streamError = options.errorShapes.find(({ status }) => status === 500)?.content["application/json"]?.schema;
  const context: OperationContext = { options, comments, required, schemas, components, streamError };
  const routes = options.services.flatMap((service) => service.methods.flatMap((method) => routesOf(method, options)));
  const document: OpenApiDocument = {
    openapi: "3.1.1",
    info: options.info,
    servers: [...options.servers],
    security: [...(options.security ?? Object.keys(options.securitySchemes).map((name) => ({ [name]: [] })))],
    tags: options.services
      .filter((service) => routes.some(({ binding }) => binding.method.parent === service))
      .map((service) => ({ name: service.name, ...(comments(service) && { description: comments(service) }) })),
    paths: pathsOf(routes, context),
    ...(options.webhooks && { webhooks: webhooksOf(options.webhooks, schemas) }),
    components,
  };
  components.securitySchemes = { ...options.securitySchemes };
  return addExamples(withNames(document, schemas, options));
}

function routesOf(method: DescMethod, { prefix = "", operationId }: OpenApiOptions): Route[] {
  const idOf = operationId ?? defaultOperationId;
  return bindingsOf(method, prefix).map((binding, index) => ({
    binding,
    path: toOpenApiPath(binding),
    operationId: idOf(method, index),
  }));
}

function defaultOperationId(method: DescMethod, index: number): string {
  return `${method.parent.name}_${method.name}${index === 0 ? "" : `_${index + 1}`}`;
}

function pathsOf(routes: readonly Route[], context: OperationContext): Record<string, PathItem> {
  const spellings = spell(routes);
  const paths: Record<string, PathItem> = {};
  const ids = new Set<string>();
  const streams = new Set<Operation>();
  for (const { binding, path, operationId } of routes) {
    const spelling = spellings.get(openApiShape(path.path)) ?? path.path;
    const item = paths[spelling] ?? ({} as PathItem);
    paths[spelling] = item;
    for (const verb of binding.verb === "*" ? ANY : [binding.verb.toLowerCase()]) {
      const id = binding.verb === "*" ? `${operationId}_${verb}` : operationId;
      if (ids.has(id)) throw new Error(`${binding.method}: ${id} is already the id of another operation`);
      ids.add(id);
      const operation = createOperation(binding, { ...path, path: spelling }, id, context);
      place({ item, streams }, verb, operation, isStream(binding));
    }
  }
  return paths;
}

interface Item {
  readonly item: PathItem;
  /** The operations of all items that stream. */
  readonly streams: Set<Operation>;
}

function place({ item, streams }: Item, verb: string, operation: Operation, streaming: boolean): void {
  const known = VERBS.has(verb);
  if (!known) item["x-additionalOperations"] ??= {};
  const slots: Record<string, Operation> = (known ? undefined : item["x-additionalOperations"]) ?? item;
  const slot = known ? verb : verb.toUpperCase();
  const other = slots[slot];
  if (other === undefined) slots[slot] = operation;
  else if (streams.has(other) === streaming) {
    throw new Error(`${operation.operationId} and ${other.operationId} are one operation to OpenAPI`);
  } else slots[slot] = streaming ? mergeOperations(other, operation) : mergeOperations(operation, other);
  if (streaming) streams.add(operation);
}

function isStream({ method }: Binding): boolean {
  return method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
}

// Paths that differ only in the names of their variables are one path: the first name that is a single field's wins.
function spell(routes: readonly Route[]): ReadonlyMap<string, string> {
  const names = new Map<string, { name: string; simple: boolean }[]>();
  for (const { path } of routes) {
    const shape = openApiShape(path.path);
    const chosen = names.get(shape) ?? [];
    path.parts.forEach(({ name, variable }, index) => {
      const simple = variable?.path.length === 1;
      if (chosen[index] === undefined || (simple && !chosen[index].simple)) chosen[index] = { name, simple };
    });
    names.set(shape, chosen);
  }
  const spelled = [...names].map(([shape, chosen]) => {
    let index = 0;
    return [shape, shape.replace(/\{\}/g, () => `{${chosen[index++]?.name}}`)] as const;
  });
  return new Map(spelled);
}

/** Gives every schema its final name, in the components and in the references to it. */
function withNames(document: OpenApiDocument, schemas: Schemas, options: OpenApiOptions): OpenApiDocument {
  const { components, rename } = schemas.finish();
  const own = Object.entries(options.schemas ?? {});
  for (const [name, schema] of own) {
    if (components[name] !== undefined) throw new Error(`two schemas are called ${name}`);
    components[name] = schema;
  }
  document.components.schemas = components;
  for (const kind of ["schemas", "parameters", "headers", "responses"] as const) {
    document.components[kind] = sortKeys(document.components[kind] as Record<string, never>);
  }
  return JSON.parse(JSON.stringify(document), (key, value) =>
    key === "$ref" && typeof value === "string" ? rename(value) : value,
  );
}

function sortKeys<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function emptyComponents(): Components {
  return { schemas: {}, parameters: {}, headers: {}, responses: {}, securitySchemes: {} };
}
