// What an operation takes and gives: request bodies, answers and streams.
import { type DescField, type DescMessage, type DescMethod, getOption } from "@bufbuild/protobuf";
import { method as restMethod } from "../../gen/colloquy/rest/v1/options_pb.ts";
import type { Binding } from "../../src/protocols/rest/binding/binding.ts";
import { pathName } from "../../src/protocols/rest/binding/field-path.ts";
import type { MediaType, RequestBody, Response, Schema } from "../../src/protocols/rest/docs/openapi-types.ts";
import type { Comments } from "./comments.ts";
import { leadingSentence } from "./comments.ts";
import type { RequiredFields } from "./required.ts";
import type { Schemas } from "./schema.ts";

export interface BodyContext {
  readonly schemas: Schemas;
  readonly comments: Comments;
  readonly required: RequiredFields;
  /** The schema of the error that ends a stream which fails. */
  readonly streamError: Schema | undefined;
}

const JSON_TYPE = "application/json";
const LINES_TYPE = "application/x-ndjson";
const EVENTS_TYPE = "text/event-stream";

export function requestBody(binding: Binding, context: BodyContext): RequestBody | undefined {
  const { body, method } = binding;
  if (body.kind === "none") return undefined;
  const required = isRequired(binding, context.required);
  const message = body.kind === "field" ? fieldMessage(body.field) : method.input;
  if (message && isHttpBody(message)) {
    return { required: true, content: formOf(method, context) ?? anyContent() };
  }
  const schema = bodySchema(binding, context.schemas);
  const streams = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const result: RequestBody = streams
    ? { description: "One JSON text a line.", content: { [LINES_TYPE]: { schema: lines(schema) } } }
    : { content: { [JSON_TYPE]: { schema } } };
  if (required || streams) result.required = true;
  return result;
}

function bodySchema({ body, method, variables }: Binding, schemas: Schemas): Schema {
  const bound = variables.map(({ path }) => pathName(path));
  if (body.kind !== "field") return schemas.without(method.input, bound);
  const below = bound.flatMap((path) =>
    path.startsWith(`${body.field.name}.`) ? [path.slice(body.field.name.length + 1)] : [],
  );
  const message = fieldMessage(body.field);
  return message !== undefined && below.length > 0
    ? schemas.without(message, below)
    : schemas.field(body.field, "input");
}

// An absent body is an empty message, so it may be absent where nothing in it is required.
function isRequired({ body, method, variables }: Binding, required: RequiredFields): boolean {
  if (body.kind === "field") return true;
  const bound = new Set(variables.map(({ path }) => path[0]));
  return [...required(method.input)].some((field) => !bound.has(field));
}

/** The answer of a call that succeeds, without its headers. */
export function successResponse(binding: Binding, context: BodyContext): Response {
  const { method, responseBody, successStatus } = binding;
  const message = responseBody === undefined ? method.output : fieldMessage(responseBody);
  const description = describe(binding, context.comments);
  if (successStatus === 204 || successStatus === 205) return { description };
  if (message && isHttpBody(message)) return { description, content: anyContent() };
  const schema =
    responseBody === undefined
      ? context.schemas.message(method.output, "output")
      : withoutNotes(context.schemas.field(responseBody, "output"));
  if (method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming") {
    const events = eventStream(binding, schema, context);
    const content = { [EVENTS_TYPE]: { schema: events }, [LINES_TYPE]: { schema: lines(schema, context.streamError) } };
    return { description, content };
  }
  return { description, content: { [JSON_TYPE]: { schema } } };
}

// OpenAPI 3.1 has no word for the items of a stream; the schema says what the text holds.
function lines(item: Schema, error?: Schema): Schema {
  const last: Schema = { type: "object", properties: { error: error ?? {} }, required: ["error"] };
  const items = error === undefined ? item : { anyOf: [item, last] };
  return { type: "string", contentMediaType: LINES_TYPE, contentSchema: { type: "array", items } };
}

function eventStream({ eventOneof, method }: Binding, message: Schema, { schemas, streamError }: BodyContext): Schema {
  const fields = method.output.oneofs.find((one) => one.localName === eventOneof)?.fields;
  const events =
    fields === undefined
      ? [event(undefined, message)]
      : fields.map((field) => event(field.name, withoutNotes(schemas.field(field, "output"))));
  if (streamError !== undefined) events.push(event("error", streamError));
  const [only] = events;
  const items = events.length === 1 && only !== undefined ? only : { anyOf: events };
  return { type: "string", contentMediaType: EVENTS_TYPE, contentSchema: { type: "array", items } };
}

function event(name: string | undefined, data: Schema): Schema {
  const properties: Record<string, Schema> = {
    ...(name !== undefined && { event: { const: name } }),
    ...(name !== "error" && { id: { type: "string" } }),
    data: { type: "string", contentMediaType: JSON_TYPE, contentSchema: data },
  };
  return { type: "object", properties, required: name === undefined ? ["data"] : ["event", "data"] };
}

function withoutNotes({ description: _, readOnly: __, ...schema }: Schema): Schema {
  return schema;
}

function describe({ method, responseBody }: Binding, comments: Comments): string {
  const text = responseBody === undefined ? leadingSentence(method.output, comments) : comments(responseBody);
  return text === "" ? "Success." : text;
}

function fieldMessage(field: DescField): DescMessage | undefined {
  return field.fieldKind === "message" ? field.message : undefined;
}

function isHttpBody(message: DescMessage): boolean {
  return message.typeName === "google.api.HttpBody";
}

/** The bytes, or a form with them: in that order, for generators of clients take the first. */
function formOf(method: DescMethod, { schemas }: BodyContext): Record<string, MediaType> | undefined {
  const { formFile, formFields } = getOption(method, restMethod);
  if (formFile === "") return undefined;
  const fields = method.input.fields.filter(({ name }) => formFields.includes(name));
  const bytes: Schema = { type: "string", format: "binary" };
  const properties = {
    [formFile]: { ...bytes, description: "The file." },
    ...Object.fromEntries(fields.map((field) => [field.jsonName, schemas.field(field, "input")])),
  };
  return {
    "application/octet-stream": { schema: bytes },
    "multipart/form-data": { schema: { type: "object", properties, required: [formFile] } },
  };
}

/** Bytes of any type. */
export function anyContent(): Record<string, MediaType> {
  return { "*/*": { schema: { type: "string", format: "binary" } } };
}
