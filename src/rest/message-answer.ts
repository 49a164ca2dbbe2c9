// The answer of a call with one response message: JSON or a raw body, with its status, tag, place and compression.
import type { Message } from "@bufbuild/protobuf";
import type { HttpBody } from "../../gen/google/api/httpbody_pb.ts";
import type { Coding } from "./accept.ts";
import type { Binding } from "./binding.ts";
import { compress, WORTHWHILE_BYTES } from "./compress.ts";
import { entityTag, isKnown, meetsIfMatch, preconditionFailed, readCondition } from "./entity-tag.ts";
import { getAt } from "./field-path.ts";
import { answer, answerEmpty, type Headers, type HttpResponse } from "./http.ts";
import type { JsonWriter } from "./json-write.ts";
import { JSON_TYPE } from "./media.ts";
import { RestProblem } from "./problem.ts";
import { httpBodyIn } from "./request-message.ts";

/** The most bytes of one answer, at least one for each character. */
const MAX_ANSWER_BYTES = 64 << 20;

export interface AnswerParts {
  readonly binding: Binding;
  /** Whether the answer is a google.api.HttpBody, sent as it is. */
  readonly raw: boolean;
  readonly writer: JsonWriter;
  /** The request message; undefined for methods that took many. */
  readonly request: Message | undefined;
  readonly verb: string;
  header(name: string): string | undefined;
}

/** What is to be sent. Made before anything is written, so that a failure can still be answered as one. */
export interface Prepared {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined: the answer has no body. */
  readonly body: string | Uint8Array | undefined;
}

/** Encodes the response and its headers into `headers`. Throws RestProblem where `If-Match` does not hold on a read. */
export async function prepare(parts: AnswerParts, response: Message, headers: Headers): Promise<Prepared> {
  const { binding, verb } = parts;
  const { location, successStatus } = binding;
  const place = location?.(parts.request ?? response, response);
  if (place !== undefined) headers.location = place;
  const version = binding.etag === undefined ? undefined : (getAt(response, binding.etag) as string | undefined);
  if ((verb === "GET" || verb === "HEAD") && meetsConditions(parts, version)) {
    setTag(headers, version, "identity");
    return { status: 304, headers, body: undefined };
  }
  if (successStatus === 204 || successStatus === 205) {
    setTag(headers, version, "identity");
    return { status: successStatus, headers, body: undefined };
  }
  const body = encode(parts, response, headers);
  if (body.length > MAX_ANSWER_BYTES) throw answerTooLarge();
  const encoded = await worthCompressing(parts, body, headers);
  setTag(headers, version, encoded.coding);
  return { status: successStatus, headers, body: encoded.body };
}

/** Sends what was prepared. */
export function send(response: HttpResponse, { status, headers, body }: Prepared, verb: string): void {
  if (body === undefined) answerEmpty(response, status, headers);
  else answer(response, status, headers, body, verb === "HEAD");
}

/** Whether the client already has this version. Throws if it asked for another. */
function meetsConditions(parts: AnswerParts, version: string | undefined): boolean {
  const ifMatch = readCondition("if-match", parts.header("if-match"));
  if (ifMatch !== undefined && !meetsIfMatch(ifMatch, version)) throw preconditionFailed();
  const ifNoneMatch = readCondition("if-none-match", parts.header("if-none-match"));
  return ifNoneMatch !== undefined && isKnown(ifNoneMatch, version);
}

function encode({ binding, raw, writer }: AnswerParts, response: Message, headers: Headers): string | Uint8Array {
  const { method, responseBody } = binding;
  if (raw) {
    const body = httpBodyIn(response, responseBody);
    setContentType(headers, body);
    return body?.data ?? new Uint8Array();
  }
  headers["content-type"] = JSON_TYPE;
  try {
    return responseBody === undefined
      ? writer.message(method.output, response)
      : writer.field(method.output, response, responseBody);
  } catch (error) {
    // Longer than a string can be.
    throw error instanceof RangeError ? answerTooLarge() : error;
  }
}

function answerTooLarge(): RestProblem {
  return new RestProblem("too_large", "the answer is too large to send; ask for less");
}

/** A raw body's own type, as far as a header can carry it; a browser must not guess another. */
export function setContentType(headers: Headers, body: HttpBody | undefined): void {
  const type = body?.contentType ?? "";
  headers["content-type"] = /^[\x21-\x7e][\x20-\x7e]*$/.test(type) ? type : "application/octet-stream";
  headers["x-content-type-options"] = "nosniff";
}

async function worthCompressing(
  parts: AnswerParts,
  body: string | Uint8Array,
  headers: Headers,
): Promise<{ readonly coding: Coding; readonly body: string | Uint8Array }> {
  // Raw bodies are images and the like; whoever made them knows how to compress them.
  if (parts.raw || body.length < WORTHWHILE_BYTES) return { coding: "identity", body };
  addVary(headers, "accept-encoding");
  const accepted = parts.header("accept-encoding");
  if (accepted === undefined) return { coding: "identity", body };
  const encoded = await compress(body, accepted);
  if (encoded.coding !== "identity") headers["content-encoding"] = encoded.coding;
  return encoded;
}

function addVary(headers: Headers, name: string): void {
  headers.vary = headers.vary === undefined ? name : `${headers.vary}, ${name}`;
}

function setTag(headers: Headers, version: string | undefined, coding: Coding): void {
  const tag = version === undefined ? undefined : entityTag(version, coding);
  if (tag !== undefined) headers.etag = tag;
}
