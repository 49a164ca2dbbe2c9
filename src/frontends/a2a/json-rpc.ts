// A2A's binding to JSON-RPC 2.0: one request in, one response out, or one in each event of a stream.
import {
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { A2AService, type StreamResponse, StreamResponseSchema } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { toConnectError } from "../../pipeline/errors.ts";
import { COMMENT, eventOf, type Piece, setStreamHeaders } from "../shared/events.ts";
import { readJsonBody } from "../shared/json-body.ts";
import { tell } from "./errors.ts";
import type { Methods } from "./methods.ts";

type Id = string | number | null;

const UNARY = [
  "SendMessage",
  "GetTask",
  "ListTasks",
  "CancelTask",
  "CreateTaskPushNotificationConfig",
  "GetTaskPushNotificationConfig",
  "ListTaskPushNotificationConfigs",
  "DeleteTaskPushNotificationConfig",
  "GetExtendedAgentCard",
] as const;
const STREAMS = ["SendStreamingMessage", "SubscribeToTask"] as const;

/** What A2A requires of a list, be it empty. */
const EMPTY_LIST = { tasks: [], nextPageToken: "", totalSize: 0 };

/** Errors come with status 200, each as the response to its request. */
export async function* answerJsonRpc(methods: Methods, bytes: Uint8Array, context: CallContext): AsyncIterable<Piece> {
  let id: Id = null;
  let begun = false;
  try {
    const request = (await readJsonBody(bytes)) as Request;
    if (typeof request !== "object" || request === null || Array.isArray(request))
      throw notARequest("must be an object");
    if (typeof request.id === "string" || typeof request.id === "number") id = request.id;
    else if ((request.id ?? null) !== null) throw notARequest("id: must be a string, a number or null");
    if (request.jsonrpc !== "2.0") throw notARequest('jsonrpc: must be "2.0"');
    const unary = UNARY.find((name) => name === request.method);
    const stream = STREAMS.find((name) => name === request.method);
    if (unary !== undefined) {
      const { input, output } = A2AService.method[lower(unary)];
      const response = await methods[lower(unary)](read(input, request.params) as never, context);
      const result = toJson(output, response as never) as JsonObject;
      yield json({ jsonrpc: "2.0", id, result: unary === "ListTasks" ? { ...EMPTY_LIST, ...result } : result });
    } else if (stream !== undefined) {
      const updates = methods[lower(stream)](
        read(A2AService.method[lower(stream)].input, request.params) as never,
        context,
      );
      for await (const update of updates) {
        if (!begun) setStreamHeaders(context);
        begun = true;
        yield update === undefined ? COMMENT : eventOf({ jsonrpc: "2.0", id, result: written(update) });
      }
    } else yield json({ jsonrpc: "2.0", id, error: { code: -32601, message: "method not found" } });
  } catch (error) {
    const failure = failureOf(error, context);
    const { code, message, details } =
      error instanceof NotARequest
        ? { code: -32600, message: error.message, details: [] as JsonValue[] }
        : tell(toConnectError(failure));
    const response = { jsonrpc: "2.0", id, error: { code, message, ...(details.length > 0 && { data: details }) } };
    yield begun ? eventOf(response) : json(response);
  }
}

/** What a request may hold, before anybody has looked. */
interface Request {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: JsonValue;
  readonly jsonrpc?: unknown;
}

class NotARequest extends Error {}

function notARequest(rule: string): NotARequest {
  return new NotARequest(rule);
}

function written(update: StreamResponse): JsonValue {
  return toJson(StreamResponseSchema, update);
}

/** Unknown fields are ignored, as A2A asks. Throws INVALID_FIELD. */
function read<D extends DescMessage>(schema: D, params: JsonValue | undefined): MessageShape<D> {
  if (typeof (params ?? {}) !== "object" || Array.isArray(params)) {
    throw invalidField("params", "must be an object", "params.object");
  }
  checkFilters(schema, (params ?? {}) as JsonObject);
  try {
    return fromJson(schema, params ?? {}, { ignoreUnknownFields: true });
  } catch (error) {
    throw new DomainError(
      ErrorReason.INVALID_FIELD,
      `params: ${error instanceof Error ? error.message : "must be valid"}`,
    );
  }
}

/** As which the official client sends what its caller has left out. */
const LEFT_OUT = "UNRECOGNIZED";

/** An unknown value of a filter must not mean all: with unknown fields, unknown names of values would be ignored too. */
function checkFilters({ fields }: DescMessage, params: JsonObject): void {
  for (const { name, jsonName, enum: values } of fields) {
    const value = params[jsonName] ?? params[name];
    if (values === undefined || typeof value !== "string" || value === LEFT_OUT) continue;
    if (values.values.some((one) => one.name === value)) continue;
    const known = values.values.flatMap(({ name: one, number }) => (number === 0 ? [] : [one]));
    throw invalidField(name, `must be one of ${known.join(", ")}`, "enum.defined_only");
  }
}

/** Whatever broke because of an abort means the abort; what nobody foresaw is logged and told as an internal error. */
function failureOf(error: unknown, context: CallContext): DomainError {
  const { aborted, reason } = context.interrupt;
  if (aborted && reason instanceof DomainError) return reason;
  if (error instanceof DomainError) return error;
  if (!(error instanceof NotARequest)) context.log.error({ err: error }, "a JSON-RPC request failed");
  return new DomainError(ErrorReason.INTERNAL, "internal error", { cause: error });
}

function lower<N extends string>(name: N): Uncapitalize<N> {
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}` as Uncapitalize<N>;
}

function json(value: unknown): Piece {
  return { body: { contentType: "application/json", data: Buffer.from(JSON.stringify(value)) } };
}
