// The response of a unary call: JSON or a raw body, with status, ETag, Location and compression.
import type { Message } from "@bufbuild/protobuf";
import type { HttpBody } from "../../../../gen/google/api/httpbody_pb.ts";
import { stateTagOf } from "../../../domain/protobuf/state-tag.ts";
import { compressAsAccepted, type Encoded, WORTHWHILE_BYTES } from "../../http/coding.ts";
import { answer, answerEmpty, type Headers, type HttpResponse } from "../../http/response.ts";
import type { Binding } from "../binding/binding.ts";
import {
  entityTag,
  isKnown,
  meetsIfMatch,
  preconditionFailed,
  readCondition,
  stateTag,
  tagValue,
  weakTag,
} from "../binding/entity-tag.ts";
import { getAt } from "../binding/field-path.ts";
import { JSON_TYPE } from "../binding/media.ts";
import { RestProblem } from "../binding/problem.ts";
import { httpBodyIn } from "../request/message.ts";
import type { JsonWriter } from "./json-write.ts";

/** Maximum bytes of one response, at least one for each character. */
const MAX_RESPONSE_BYTES = 64 << 20;

export interface ResponseParts {
  readonly binding: Binding;
  /** Whether the response is a google.api.HttpBody, sent as it is. */
  readonly raw: boolean;
  readonly writer: JsonWriter;
  /** The request message; undefined for methods that took many. */
  readonly request: Message | undefined;
  readonly verb: string;
  header(name: string): string | undefined;
}

/** The response to send. Built before anything is written, so that a failure can still be sent as an error. */
export interface Prepared {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined: the response has no body. */
  readonly body: string | Uint8Array | undefined;
}

/** Encodes the response and its headers into `headers`. Throws RestProblem where `If-Match` does not hold on a read. */
export async function prepare(parts: ResponseParts, response: Message, headers: Headers): Promise<Prepared> {
  const { binding, verb } = parts;
  const { location, successStatus } = binding;
  const place = location?.(parts.request ?? response, response);
  if (place !== undefined) headers.location = place;
  const version = binding.etag === undefined ? undefined : (getAt(response, binding.etag) as string | undefined);
  const reads = verb === "GET" || verb === "HEAD";
  if (reads) checkIfMatch(parts, version);
  if (successStatus === 204 || successStatus === 205) {
    setTag(headers, version, undefined, "identity");
    return { status: successStatus, headers, body: undefined };
  }
  const state = reads && !parts.raw ? stateTagOf(response) : undefined;
  const known = state && stateTag(state);
  if (known !== undefined) {
    // Weak: the same state may be written with other page tokens, and compressed.
    headers.etag = weakTag(known);
    addVary(headers, "accept-encoding");
    if (isHeld(parts, known)) return { status: 304, headers, body: undefined };
  }
  const content: Headers = {};
  const body = encode(parts, response, content);
  if (body.length > MAX_RESPONSE_BYTES) throw responseTooLarge();
  const mayCompress = isWorthCompressing(parts, body);
  if (mayCompress && known === undefined) addVary(headers, "accept-encoding");
  if (reads && version !== undefined && isHeld(parts, tagValue(version, body))) {
    setTag(headers, version, body, "identity");
    return { status: 304, headers, body: undefined };
  }
  Object.assign(headers, content);
  const encoded = await encodedAsAsked(parts, body, mayCompress);
  if (encoded.coding !== "identity") headers["content-encoding"] = encoded.coding;
  setTag(headers, version, body, encoded.coding);
  return { status: successStatus, headers, body: encoded.body };
}

/** Sends what was prepared. */
export function send(response: HttpResponse, { status, headers, body }: Prepared, verb: string): void {
  if (body === undefined) answerEmpty(response, status, headers);
  else answer(response, status, headers, body, verb === "HEAD");
}

/** Throws if the client asked for another version. */
function checkIfMatch(parts: ResponseParts, version: string | undefined): void {
  const condition = readCondition("if-match", parts.header("if-match"));
  if (condition !== undefined && !meetsIfMatch(condition, version)) throw preconditionFailed();
}

/** Whether the client already has what it would be sent. */
function isHeld(parts: ResponseParts, value: string | undefined): boolean {
  const condition = readCondition("if-none-match", parts.header("if-none-match"));
  return condition !== undefined && isKnown(condition, value);
}

function encode({ binding, raw, writer }: ResponseParts, response: Message, headers: Headers): string | Uint8Array {
  const { method, responseBody } = binding;
  if (raw) {
    const body = httpBodyIn(response, responseBody);
    setContentType(headers, body);
    return body?.data ?? new Uint8Array();
  }
  headers["content-type"] = JSON_TYPE;
  try {
    return responseBody === undefined
      ? writer.response(method.output, response)
      : writer.field(method.output, response, responseBody);
  } catch (error) {
    // Longer than a string can be.
    throw error instanceof RangeError ? responseTooLarge() : error;
  }
}

function responseTooLarge(): RestProblem {
  return new RestProblem("too_large", "the response is too large to send; ask for less");
}

/** A raw body's own type, as far as a header can carry it; a browser must not guess another. */
export function setContentType(headers: Headers, body: HttpBody | undefined): void {
  const type = body?.contentType ?? "";
  headers["content-type"] = /^[\x21-\x7e][\x20-\x7e]*$/.test(type) ? type : "application/octet-stream";
  headers["x-content-type-options"] = "nosniff";
}

/** Raw bodies are images and the like, which are compressed already. */
function isWorthCompressing({ raw }: ResponseParts, body: string | Uint8Array): boolean {
  return !raw && body.length >= WORTHWHILE_BYTES;
}

async function encodedAsAsked(parts: ResponseParts, body: string | Uint8Array, mayCompress: boolean): Promise<Encoded> {
  const accepted = mayCompress ? parts.header("accept-encoding") : undefined;
  return accepted === undefined ? { coding: "identity", body } : compressAsAccepted(body, accepted);
}

function addVary(headers: Headers, name: string): void {
  headers.vary = headers.vary === undefined ? name : `${headers.vary}, ${name}`;
}

function setTag(
  headers: Headers,
  version: string | undefined,
  body: string | Uint8Array | undefined,
  coding: Encoded["coding"],
): void {
  const value = version === undefined ? undefined : tagValue(version, body);
  if (value !== undefined) headers.etag = entityTag(value, coding);
}
