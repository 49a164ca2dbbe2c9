// One operation from one binding.
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Binding } from "../../src/protocols/rest/binding/binding.ts";
import type {
  Components,
  Operation,
  Parameter,
  Reference,
  Response,
} from "../../src/protocols/rest/docs/openapi-types.ts";
import { type BodyContext, requestBody, successResponse } from "./body.ts";
import { type Comments, leadingSentence, splitComment } from "./comments.ts";
import { standardRequestHeaders, standardResponseHeaders } from "./headers.ts";
import type { OpenApiPath } from "./openapi-path.ts";
import type { OpenApiOptions, OperationFacts } from "./options.ts";
import { pathParameter, queryParameters } from "./parameters.ts";

export interface OperationContext extends BodyContext {
  readonly options: OpenApiOptions;
  /** Collects what operations refer to. */
  readonly components: Components;
}

/**
 * @param path the binding's path, its variables named as the document's path names them.
 * @param operationId unique within the document.
 */
export function createOperation(
  binding: Binding,
  { path, parts }: OpenApiPath,
  operationId: string,
  context: OperationContext,
): Operation {
  const { options, comments, schemas, required } = context;
  const { method } = binding;
  const facts = factsOf(binding, options);
  const names = [...path.matchAll(/\{([^}]*)\}/g)].map(([, name = ""]) => name);
  const parameters: (Parameter | Reference)[] = [
    ...parts.map((part, index) => pathParameter(names[index] ?? part.name, part, binding, schemas)),
    ...queryParameters(binding, schemas, required),
    ...headerParameters(facts, context),
  ];
  const description = splitComment(comments(method)).rest;
  const body = requestBody(binding, context);
  return {
    operationId,
    tags: [method.parent.name],
    summary: summaryOf(method, comments),
    ...(description !== "" && { description }),
    ...(method.deprecated && { deprecated: true }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: body }),
    responses: responses(binding, facts, context),
    ...(!facts.secured && Object.keys(options.securitySchemes).length > 0 && { security: [] }),
  };
}

function factsOf(binding: Binding, options: OpenApiOptions): OperationFacts {
  const reads =
    binding.verb === "GET" ||
    binding.verb === "HEAD" ||
    binding.method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const secured = Object.keys(options.securitySchemes).length > 0 && !options.isPublic?.(binding.method);
  return { binding, mutates: !reads, secured };
}

// A summary is a title: it has no full stop.
function summaryOf(method: DescMethod, comments: Comments): string {
  const sentence = leadingSentence(method, comments).replace(/[.]$/, "");
  return sentence === "" ? method.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ") : sentence;
}

function headerParameters(facts: OperationFacts, { options, components }: OperationContext): Reference[] {
  const headers = options.requestHeaders ?? standardRequestHeaders;
  return headers
    .filter(({ when }) => when?.(facts) ?? true)
    .map(({ name, component, description, schema }) => {
      components.parameters[component] = { name, in: "header", description, schema };
      return { $ref: `#/components/parameters/${component}` };
    });
}

function responses(binding: Binding, facts: OperationFacts, context: OperationContext): Operation["responses"] {
  const { options, components } = context;
  const all = new Map<number, Response | Reference>();
  const success = binding.successStatus;
  all.set(success, withHeaders(success, successResponse(binding, context), facts, context));
  for (const { when, outcomes = {} } of options.requestHeaders ?? standardRequestHeaders) {
    if (!(when?.(facts) ?? true)) continue;
    for (const [status, response] of Object.entries(outcomes)) {
      all.set(Number(status), withHeaders(Number(status), response, facts, context));
    }
  }
  for (const { status, component, description, content, when } of options.errorShapes) {
    if (!(when?.(facts) ?? true)) continue;
    components.responses[component] ??= withHeaders(
      status,
      { description, content: { ...content } },
      undefined,
      context,
    );
    all.set(status, { $ref: `#/components/responses/${component}` });
  }
  return Object.fromEntries([...all].sort(([a], [b]) => a - b).map(([status, response]) => [String(status), response]));
}

function withHeaders(
  status: number,
  { description, content }: Response,
  facts: OperationFacts | undefined,
  { options, components }: OperationContext,
): Response {
  const headers: Record<string, Reference> = {};
  for (const header of options.responseHeaders ?? standardResponseHeaders) {
    if (!(header.when?.(status, facts) ?? true)) continue;
    components.headers[header.component] = { description: header.description, schema: header.schema };
    headers[header.name] = { $ref: `#/components/headers/${header.component}` };
  }
  const response: Response = { description };
  if (Object.keys(headers).length > 0) response.headers = headers;
  if (content !== undefined) response.content = content;
  return response;
}
