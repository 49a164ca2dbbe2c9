// One google.api.http rule of one method, checked against its messages and made ready to serve.
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  hasOption,
  ScalarType,
} from "@bufbuild/protobuf";
import { type RestMethod, method as restMethod } from "../../../../gen/colloquy/rest/v1/options_pb.ts";
import { http } from "../../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../../gen/google/api/http_pb.ts";
import { type FieldPath, findPath, pathName } from "./field-path.ts";
import { createLocation, type LocationTemplate } from "./location.ts";
import { parseTemplate, type Template, TemplateError, type Variable } from "./template.ts";
import { type TextReader, textReader } from "./text-value.ts";

export interface PathVariable extends Variable {
  readonly path: FieldPath;
  readonly read: TextReader;
}

export type BodyRule =
  | { readonly kind: "none" }
  /** Every field that the path does not hold. */
  | { readonly kind: "all" }
  | { readonly kind: "field"; readonly field: DescField };

export interface Binding {
  readonly method: DescMethod;
  /** Such as `GET`, or `*` for any. */
  readonly verb: string;
  /** As it stands in the contract. */
  readonly pattern: string;
  readonly template: Template;
  readonly variables: readonly PathVariable[];
  readonly body: BodyRule;
  readonly responseBody: DescField | undefined;
  /** Paths that no query parameter may set. */
  readonly taken: ReadonlySet<string>;
  readonly successStatus: number;
  readonly location: LocationTemplate | undefined;
  readonly lastEventId: FieldPath | undefined;
  readonly eventOneof: string | undefined;
  readonly ifMatch: FieldPath | undefined;
  readonly etag: FieldPath | undefined;
  readonly idempotencyKey: FieldPath | undefined;
}

/** A binding that cannot be served. The message names the method and says why. */
export class BindingError extends Error {
  override readonly name = "BindingError";
}

/** By prefix. Mounts, their collision check and every server of a process ask for the same ones. */
const known = new WeakMap<DescMethod, Map<string, readonly Binding[]>>();

/**
 * The bindings of a method, the first one first; none if it has no `google.api.http` option. `prefix` is put in front of
 * each path. Throws {@link BindingError}.
 */
export function bindingsOf(method: DescMethod, prefix = ""): readonly Binding[] {
  const ofMethod = known.get(method) ?? new Map<string, readonly Binding[]>();
  known.set(method, ofMethod);
  const bindings = ofMethod.get(prefix) ?? readBindings(method, prefix);
  ofMethod.set(prefix, bindings);
  return bindings;
}

function readBindings(method: DescMethod, prefix: string): Binding[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  for (const extra of rule.additionalBindings) {
    if (extra.additionalBindings.length > 0)
      throw new BindingError(`${method}: additional_bindings must not be nested`);
  }
  return [rule, ...rule.additionalBindings].map((one) => createBinding(method, one, prefix));
}

function createBinding(method: DescMethod, rule: HttpRule, prefix: string): Binding {
  const refuse = (why: string): never => {
    throw new BindingError(`${method}: ${why}`);
  };
  const { input, output } = method;
  const options = getOption(method, restMethod);
  const { verb, pattern } = verbOf(rule) ?? refuse("its http option has no pattern");
  if (!/^(?:[A-Z][A-Z-]*|\*)$/.test(verb)) refuse(`${JSON.stringify(verb)} is no HTTP method in upper case, nor "*"`);
  const template = readTemplate(prefix + pattern, refuse);
  const variables = template.variables.map((variable) => bindVariable(input, variable, refuse));
  const body = bodyOf(input, rule.body, refuse);
  if (body.kind !== "none") {
    if (verb === "GET" || verb === "HEAD") refuse(`a ${verb} must not have a body`);
    if (verb === "DELETE" && !options.deleteBody) refuse("a DELETE has a body only with the option delete_body");
  }
  const taken = new Set(variables.map(({ path }) => pathName(path)));
  if (body.kind === "field") {
    const inPath = [...taken].find((name) => name.split(".")[0] === body.field.name);
    if (inPath !== undefined && inPath === body.field.name) refuse(`${inPath} is both in the path and the body`);
    taken.add(body.field.name);
  }
  const responseBody = responseBodyOf(output, rule.responseBody, refuse);
  const path = (desc: DescMessage, text: string, option: string, type?: ScalarType) => {
    if (text === "") return undefined;
    const found = findPath(desc, text);
    const last = found?.at(-1);
    if (found === undefined || last === undefined || !(type === undefined ? textReader(last) : isScalar(last, type))) {
      return refuse(`${option}: ${desc.typeName} has no fitting field ${JSON.stringify(text)}`);
    }
    return found;
  };
  const status = options.successStatus === 0 ? 200 : options.successStatus;
  if (status < 200 || status > 299) refuse("success_status must be from 200 to 299");
  return {
    method,
    verb,
    pattern: prefix + pattern,
    template,
    variables,
    body,
    responseBody,
    taken,
    successStatus: status,
    location: createLocation(method, options.location, prefix, refuse),
    lastEventId: path(input, options.lastEventIdField, "last_event_id_field"),
    eventOneof: eventOneof(method, options, refuse),
    ifMatch: path(input, options.ifMatchField, "if_match_field", ScalarType.STRING) ?? etagOfRequest(input, body),
    etag: path(output, options.etagField, "etag_field", ScalarType.STRING) ?? etagOfResponse(output, responseBody),
    idempotencyKey:
      path(input, options.idempotencyKeyField, "idempotency_key_field", ScalarType.STRING) ??
      stringAt(input, "request_id"),
  };
}

function verbOf(rule: HttpRule): { verb: string; pattern: string } | undefined {
  const { pattern } = rule;
  if (pattern.case === undefined) return undefined;
  if (pattern.case === "custom") return { verb: pattern.value.kind, pattern: pattern.value.path };
  return { verb: pattern.case.toUpperCase(), pattern: pattern.value };
}

function readTemplate(pattern: string, refuse: (why: string) => never): Template {
  try {
    return parseTemplate(pattern);
  } catch (error) {
    if (error instanceof TemplateError) return refuse(error.message);
    throw error;
  }
}

function bindVariable(input: DescMessage, variable: Variable, refuse: (why: string) => never): PathVariable {
  const path = findPath(input, variable.field) ?? refuse(`${input.typeName} has no field ${variable.field}`);
  const field = path[path.length - 1] as DescField;
  const read = field.fieldKind === "scalar" || field.fieldKind === "enum" ? textReader(field) : undefined;
  if (read === undefined)
    return refuse(`${variable.field} is in the path, so it must be a scalar or an enum, not repeated`);
  return { ...variable, path, read };
}

function bodyOf(input: DescMessage, body: string, refuse: (why: string) => never): BodyRule {
  if (body === "") return { kind: "none" };
  if (body === "*") return { kind: "all" };
  const field = input.fields.find((one) => one.name === body);
  return field === undefined
    ? refuse(`body: ${input.typeName} has no field ${JSON.stringify(body)}`)
    : { kind: "field", field };
}

function responseBodyOf(output: DescMessage, name: string, refuse: (why: string) => never): DescField | undefined {
  if (name === "") return undefined;
  return (
    output.fields.find((one) => one.name === name) ??
    refuse(`response_body: ${output.typeName} has no field ${JSON.stringify(name)}`)
  );
}

function eventOneof(method: DescMethod, options: RestMethod, refuse: (why: string) => never): string | undefined {
  if (options.eventOneof === "") return undefined;
  const oneof = method.output.oneofs.find((one) => one.name === options.eventOneof);
  return (
    oneof?.localName ??
    refuse(`event_oneof: ${method.output.typeName} has no oneof ${JSON.stringify(options.eventOneof)}`)
  );
}

function etagOfRequest(input: DescMessage, body: BodyRule): FieldPath | undefined {
  const own = stringAt(input, "etag");
  return own ?? (body.kind === "field" ? stringAt(input, `${body.field.name}.etag`) : undefined);
}

function etagOfResponse(output: DescMessage, responseBody: DescField | undefined): FieldPath | undefined {
  return stringAt(output, responseBody === undefined ? "etag" : `${responseBody.name}.etag`);
}

function stringAt(desc: DescMessage, text: string): FieldPath | undefined {
  const path = findPath(desc, text);
  return path !== undefined && isScalar(path[path.length - 1] as DescField, ScalarType.STRING) ? path : undefined;
}

function isScalar(field: DescField, type: ScalarType): boolean {
  return field.fieldKind === "scalar" && field.scalar === type;
}
