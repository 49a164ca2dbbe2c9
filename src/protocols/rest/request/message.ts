// The request message of a call: path, body, query and headers, each into its fields.
import { create, type DescField, type Message, type Registry } from "@bufbuild/protobuf";
import { type HttpBody, HttpBodySchema } from "../../../../gen/google/api/httpbody_pb.ts";
import { LARGE_BODY } from "../../../codec/json/walk/large-json.ts";
import { setImpliedMask, updatePartsOf, withImpliedMask } from "../../../pipeline/call/implied-mask.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import type { Binding, PathVariable } from "../binding/binding.ts";
import { readCondition, versionToMatch } from "../binding/entity-tag.ts";
import { type FieldPath, getAt, pathName, setAt, setField } from "../binding/field-path.ts";
import type { Mount } from "../binding/mount.ts";
import { decodeSegment } from "../binding/percent.ts";
import { invalid } from "../binding/problem.ts";
import { textReader } from "../binding/text-value.ts";
import { namesToSkip } from "./ignored-names.ts";
import { readText } from "./json/body.ts";
import { readWithoutDataUrls } from "./json/data-urls-apart.ts";
import { quoteManyRawValues, quoteRawValues } from "./json/raw-values.ts";
import { readField, readLargeField, readLargeMessage, readMessage } from "./json/read.ts";
import { applyQuery, type QueryRules } from "./query.ts";

/** Builds the request messages of one binding. */
export interface RequestBuilder {
  /** Whether the body is taken as it is, whatever its media type: a google.api.HttpBody. */
  readonly rawBody: boolean;
  /** Throws a RestProblem that names what does not fit. A promise where the body is large. */
  build(parts: RequestParts): Message | Promise<Message>;
}

export interface RequestParts {
  /** The raw path segments. */
  readonly segments: readonly string[];
  readonly query: string;
  /** Undefined for none. */
  readonly body: Buffer | undefined;
  readonly contentType: string | undefined;
  header(name: string): string | undefined;
}

export function createRequestBuilder(binding: Binding, mount: Mount, registry: Registry | undefined): RequestBuilder {
  const { input } = binding.method;
  const ignore = mount.unknown === "ignore";
  const json = {
    ignoreUnknownFields: ignore,
    ...(ignore && { skipped: namesToSkip(binding) }),
    ...(registry !== undefined && { registry }),
  };
  const rules: QueryRules = {
    input,
    taken: binding.taken,
    none: binding.body.kind === "all",
    ignoreUnknown: ignore,
    reserved: new Set(mount.reservedParameters),
  };
  const rawBody = isHttpBody(binding);
  const update = binding.body.kind === "none" ? undefined : updatePartsOf(input);

  function withBody({ body, contentType }: RequestParts): Message | Promise<Message> {
    if (body === undefined || binding.body.kind === "none") return create(input);
    if (rawBody) {
      // A view: a copy of each piece of an upload would have the collector go through the heap twice as often.
      const data = new Uint8Array(body.buffer as ArrayBuffer, body.byteOffset, body.byteLength);
      const http = create(HttpBodySchema, { contentType: contentType ?? "", data });
      if (binding.body.kind === "all") return http;
      const message = create(input);
      setField(message, binding.body.field, http);
      return message;
    }
    if (body.byteLength > LARGE_BODY) {
      const { dataUrls } = mount;
      return dataUrls === undefined ? withLargeBody(body) : readWithoutDataUrls(body, dataUrls, withLargeBody);
    }
    const text = readText(body);
    if (binding.body.kind === "all") {
      const quoted = quoteRawValues(input, text);
      return readMessage(input, withImpliedMask(input, quoted), json);
    }
    const message = create(input);
    readField(message, input, binding.body.field, text, json);
    return message;
  }

  async function withLargeBody(body: Buffer): Promise<Message> {
    const turns = new Turns();
    const text = readText(body, false);
    await turns.next();
    if (binding.body.kind === "all") {
      const quoted = await quoteManyRawValues(input, text);
      await turns.next();
      return readLargeMessage(input, quoted, json);
    }
    const message = create(input);
    if (binding.body.kind === "field") await readLargeField(message, input, binding.body.field, text, json);
    return message;
  }

  function fill(message: Message, parts: RequestParts): Message {
    for (const variable of binding.variables) applyVariable(message, variable, parts.segments, ignore);
    if (parts.query !== "") applyQuery(message, parts.query, rules);
    if (update !== undefined && parts.body !== undefined && isBody(binding, update.resource)) {
      setImpliedMask(update, message, readText(parts.body, parts.body.byteLength <= LARGE_BODY));
    }
    applyHeaders(message, binding, parts, ignore);
    return message;
  }

  return {
    rawBody,
    build(parts) {
      const message = withBody(parts);
      return message instanceof Promise ? message.then((read) => fill(read, parts)) : fill(message, parts);
    },
  };
}

function isBody({ body }: Binding, field: DescField): boolean {
  return body.kind === "field" && body.field === field;
}

function isHttpBody({ method, body }: Binding): boolean {
  if (body.kind === "all") return method.input.typeName === HttpBodySchema.typeName;
  return (
    body.kind === "field" &&
    body.field.fieldKind === "message" &&
    body.field.message.typeName === HttpBodySchema.typeName
  );
}

function applyVariable(message: Message, variable: PathVariable, segments: readonly string[], ignore: boolean): void {
  const name = pathName(variable.path);
  const decoded: string[] = [];
  for (const raw of segments.slice(variable.start, variable.end)) {
    const segment = decodeSegment(raw, variable.multi);
    if (segment.kind === "invalid") throw invalid("path", name, segment.description, segment.rule);
    if (segment.text === "." || segment.text === "..")
      throw invalid("path", name, "must not be . or ..", "dot_segment");
    decoded.push(segment.text);
  }
  const read = variable.read(decoded.join("/"));
  if (read.kind === "invalid") throw invalid("path", name, read.description, read.rule);
  if (!ignore) refuseConflict(message, variable.path, name, read.value);
  setAt(message, variable.path, read.value);
}

/** A body that says otherwise than the path is a mistake that must not pass silently. */
function refuseConflict(message: Message, path: FieldPath, name: string, value: unknown): void {
  const own = getAt(message, path);
  if (own === undefined || own === value || isZero(own)) return;
  throw invalid("body", name, "must be what the path says, or left out", "path_conflict");
}

function isZero(value: unknown): boolean {
  return (
    value === "" ||
    value === 0 ||
    value === 0n ||
    value === false ||
    (value instanceof Uint8Array && value.length === 0)
  );
}

function applyHeaders(message: Message, binding: Binding, parts: RequestParts, ignore: boolean): void {
  const { lastEventId, idempotencyKey, verb } = binding;
  if (lastEventId !== undefined) {
    const id = parts.header("last-event-id");
    if (id !== undefined && id !== "") setFromHeader(message, lastEventId, "last-event-id", id);
  }
  if (idempotencyKey !== undefined) {
    const key = parts.header("idempotency-key");
    if (key !== undefined && key !== "") {
      const own = getAt(message, idempotencyKey);
      if (own !== undefined && own !== "" && own !== key) {
        throw invalid(
          "header",
          "idempotency-key",
          `must be what ${pathName(idempotencyKey)} says, or left out`,
          "conflict",
        );
      }
      setFromHeader(message, idempotencyKey, "idempotency-key", key);
    }
  }
  // On GET and HEAD the conditions apply to the response.
  if (verb !== "GET" && verb !== "HEAD") applyConditions(message, binding, parts, ignore);
}

function applyConditions(message: Message, { ifMatch, verb }: Binding, parts: RequestParts, ignore: boolean): void {
  const condition = readCondition("if-match", parts.header("if-match"));
  if (condition !== undefined && ifMatch !== undefined) {
    const version = versionToMatch(condition);
    if (version !== undefined) {
      const own = getAt(message, ifMatch);
      if (own !== undefined && own !== "" && own !== version) {
        throw invalid("header", "if-match", `must be what ${pathName(ifMatch)} says, or left out`, "conflict");
      }
      setAt(message, ifMatch, version);
    }
  } else if (condition !== undefined && !ignore && verb !== "POST") {
    // A write that its sender believes to be conditional must not happen unconditionally.
    throw invalid("header", "if-match", "cannot be checked by this method", "unsupported");
  }
  if (parts.header("if-none-match") !== undefined && !ignore && verb !== "POST") {
    throw invalid("header", "if-none-match", "cannot be checked by this method", "unsupported");
  }
}

function setFromHeader(message: Message, path: FieldPath, header: string, text: string): void {
  const read = textReader(path[path.length - 1] as DescField)?.(text);
  if (read === undefined || read.kind === "invalid") {
    throw invalid("header", header, read?.description ?? "has no text form", read?.rule ?? "type");
  }
  setAt(message, path, read.value);
}

/** The HttpBody that a message is or holds in `field`. */
export function httpBodyIn(message: Message, field: DescField | undefined): HttpBody | undefined {
  if (field === undefined) return message as HttpBody;
  return getAt(message, [field]) as HttpBody | undefined;
}
