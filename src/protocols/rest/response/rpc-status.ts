// Errors of the canonical mount: google.rpc.Status in JSON, with the HTTP statuses that google.rpc.Code documents.
import { create, type JsonValue, toJson } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { BadRequestSchema } from "../../../../gen/google/rpc/error_details_pb.ts";
import type { Failure, RenderedError } from "../binding/mount.ts";

const HTTP_STATUS: Readonly<Record<number, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** The HTTP status of an RPC code (a number of google.rpc.Code), as the comments of google/rpc/code.proto say. */
export function httpStatusOf(code: number): number {
  return HTTP_STATUS[code] ?? 500;
}

/** The reason in an error's `google.rpc.ErrorInfo`, if it has one. */
export function reasonOf(error: ConnectError): string | undefined {
  for (const detail of error.details) {
    if ("desc" in detail && detail.desc.typeName === "google.rpc.ErrorInfo")
      return (detail.value as { reason?: string }).reason;
  }
  return undefined;
}

/** The seconds in an error's `google.rpc.RetryInfo`, rounded up, if it has one. */
export function retryAfterOf(error: ConnectError): string | undefined {
  for (const detail of error.details) {
    if (!("desc" in detail) || detail.desc.typeName !== "google.rpc.RetryInfo") continue;
    const delay = (detail.value as { retryDelay?: { seconds?: bigint; nanos?: number } }).retryDelay;
    if (delay !== undefined) return String(Number(delay.seconds ?? 0n) + ((delay.nanos ?? 0) > 0 ? 1 : 0));
  }
  return undefined;
}

/** Renders a failure as google.rpc.Status. */
export function renderStatus({ status, error, problem, headers }: Failure): RenderedError {
  const details: JsonValue[] = error.details.map(detailOf).filter((detail) => detail !== undefined);
  const known = error.details.some((detail) => "desc" in detail && detail.desc.typeName === BadRequestSchema.typeName);
  if (problem !== undefined && problem.violations.length > 0 && !known) {
    const fieldViolations = problem.violations.map(({ field, description }) => ({ field, description }));
    details.push(
      packed(BadRequestSchema.typeName, toJson(BadRequestSchema, create(BadRequestSchema, { fieldViolations }))),
    );
  }
  return { status, headers, body: { code: error.code, message: error.rawMessage, details } };
}

function detailOf(detail: ConnectError["details"][number]): JsonValue | undefined {
  // Details that came over a wire themselves are bytes of a type that we may not know.
  if (!("desc" in detail)) return undefined;
  return packed(detail.desc.typeName, toJson(detail.desc, create(detail.desc, detail.value)));
}

function packed(typeName: string, json: JsonValue): JsonValue {
  return { "@type": `type.googleapis.com/${typeName}`, ...(json as object) };
}
