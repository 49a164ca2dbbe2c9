// One operation from two: a unary and a streaming method at one place, of which `Accept` chooses.
import type {
  MediaType,
  Operation,
  Parameter,
  Reference,
  RequestBody,
  Response,
} from "../../src/protocols/rest/docs/openapi-types.ts";

/**
 * Gives the unary operation the answers, parameters and body of the streaming one beside its own. It keeps its id and
 * summary.
 */
export function mergeOperations(unary: Operation, streaming: Operation): Operation {
  const note = `With an \`Accept\` that prefers a stream: ${streaming.summary}.`;
  const { responses, requestBody, parameters = [], ...rest } = unary;
  const merged = [...parameters, ...missing(parameters, streaming.parameters ?? [])];
  const body = mergeBodies(requestBody, streaming.requestBody);
  return {
    ...rest,
    description: [unary.description, note, streaming.description].filter((text) => text !== undefined).join("\n\n"),
    ...(merged.length > 0 && { parameters: merged }),
    ...(body !== undefined && { requestBody: body }),
    responses: mergeResponses(responses, streaming.responses),
  };
}

function missing(own: readonly (Parameter | Reference)[], more: readonly (Parameter | Reference)[]) {
  const keys = new Set(own.map(keyOf));
  // What only one of the two needs cannot be required of both.
  return more.filter((parameter) => !keys.has(keyOf(parameter))).map((each) => optional(each));
}

function keyOf(parameter: Parameter | Reference): string {
  return "in" in parameter ? `${parameter.in} ${parameter.name}` : parameter.$ref;
}

function optional(parameter: Parameter | Reference): Parameter | Reference {
  if (!("in" in parameter)) return parameter;
  const { required: _, ...rest } = parameter;
  return rest;
}

function mergeBodies(one: RequestBody | undefined, two: RequestBody | undefined): RequestBody | undefined {
  if (one === undefined || two === undefined) return one ?? two;
  return { ...one, content: mergeContent(one.content, two.content) };
}

function mergeResponses(one: Operation["responses"], two: Operation["responses"]): Operation["responses"] {
  const merged = { ...two, ...one };
  for (const [status, response] of Object.entries(one)) {
    const other = two[status];
    if (other === undefined || "$ref" in other || "$ref" in response) continue;
    merged[status] = mergeResponse(response, other);
  }
  return merged;
}

function mergeResponse(one: Response, two: Response): Response {
  const headers = { ...two.headers, ...one.headers };
  const content = mergeContent(one.content ?? {}, two.content ?? {});
  return {
    ...one,
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(Object.keys(content).length > 0 && { content }),
  };
}

function mergeContent(one: Record<string, MediaType>, two: Record<string, MediaType>): Record<string, MediaType> {
  const merged = { ...two, ...one };
  for (const [type, { schema, ...rest }] of Object.entries(one)) {
    const other = two[type];
    if (other === undefined || JSON.stringify(other.schema) === JSON.stringify(schema)) continue;
    merged[type] = { ...rest, schema: { anyOf: [schema, other.schema] } };
  }
  return merged;
}
