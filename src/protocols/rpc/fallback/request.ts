// The head of a request of the Connect, gRPC or gRPC-Web protocol: its wire, and whether the method can be called that
// way.

import type { DescMethod } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { trailerFlag } from "@connectrpc/connect/protocol-grpc-web";
import { DomainError, ErrorReason, malformed } from "../../../domain/errors.ts";
import type { Wire } from "../../../pipeline/call/call.ts";
import { type HttpRequest, headerOf, queryOf } from "../../http/request.ts";
import { formName, PROTOCOLS, STREAMING_FORMS, UNARY_FORMS } from "../forms.ts";
import type { RequestForm } from "./requests.ts";

/** The wire by its content type. What is none of gRPC's is Connect's. */
export function wireOf(request: HttpRequest): Exclude<Wire, "rest"> {
  const type = headerOf(request, "content-type")?.toLowerCase() ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  return type.startsWith("application/grpc") ? "grpc" : "connect";
}

/** How the messages of a request stand in it. */
export interface CallForm extends RequestForm {
  /** The parameters of a Connect GET, which carry all that a POST has in headers and body. */
  readonly query: URLSearchParams | undefined;
}

/** Of a request that is not refused. */
export function formOf(request: HttpRequest, method: DescMethod): CallForm {
  const wire = wireOf(request);
  const query = request.method === "GET" ? new URLSearchParams(queryOf(request.url)) : undefined;
  const unary = method.methodKind === "unary";
  const [, encoding] = (unary ? UNARY_FORMS : STREAMING_FORMS).get(formName(headerOf(request, "content-type"))) ?? [];
  const { encodingHeader } = unary ? PROTOCOLS[wire].unary : PROTOCOLS[wire].streaming;
  const named = query === undefined ? headerOf(request, encodingHeader) : query.get("compression");
  return {
    method,
    encoding: (query === undefined ? encoding : query.get("encoding")) === "json" ? "json" : "proto",
    framed: wire !== "connect" || !unary,
    skip: END_FLAGS[wire],
    compression: named === null || named === "identity" ? undefined : named,
    declaredBytes: Number(headerOf(request, "content-length") ?? 0),
    query,
  };
}

/** The flag of a frame that ends a stream. */
const END_FLAGS = { connect: endStreamFlag, grpc: 0, "grpc-web": trailerFlag };

/** A way of calling that the method does not take: an HTTP status with the headers that RFC 9110 wants beside it. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly failure: DomainError;
}

/** What stands for some of them, see {@link formName}. */
const TEXT_TYPES = ["", "+proto", "+json"].map((encoding) => `application/grpc-web-text${encoding}`);

/** Says what is wrong with how a request calls a method; undefined if nothing is. */
export function refusalOf(request: HttpRequest, method: DescMethod): Refusal | undefined {
  const readOnly = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const allowed = readOnly && method.methodKind === "unary" ? ["GET", "POST"] : ["POST"];
  if (!allowed.includes(request.method ?? "")) {
    const allow = allowed.join(", ");
    return refusal(405, `the method is called with ${allow.replace(", ", " or ")}`, { allow });
  }
  if (method.methodKind === "bidi_streaming" && request.httpVersionMajor < 2) {
    // A client that takes the connection for full-duplex would hang.
    return refusal(505, "the method streams both ways, which needs HTTP/2", { connection: "close" });
  }
  if (request.method === "GET") return queryRefusal(new URLSearchParams(queryOf(request.url)));
  const forms = method.methodKind === "unary" ? UNARY_FORMS : STREAMING_FORMS;
  if (forms.has(formName(headerOf(request, "content-type")))) return undefined;
  const accepted = [...forms.keys(), ...TEXT_TYPES].join(", ");
  return refusal(415, "the content type is none that the method takes", { "accept-post": accepted });
}

function queryRefusal(query: URLSearchParams): Refusal | undefined {
  const encoding = query.get("encoding");
  if (encoding !== "json" && encoding !== "proto") {
    return refusal(415, "the query parameter encoding must be json or proto", {});
  }
  if (query.get("base64") !== "1") return undefined;
  try {
    base64Decode(query.get("message") ?? "");
    return undefined;
  } catch {
    return { status: 400, headers: {}, failure: malformed("the query parameter message is not Base64") };
  }
}

function refusal(status: number, message: string, headers: Readonly<Record<string, string>>): Refusal {
  return { status, headers, failure: new DomainError(ErrorReason.UNSUPPORTED, message) };
}
