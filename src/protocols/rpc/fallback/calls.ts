// Where Connect's handlers meet the pipeline: the gate before the body, the implementations, and every failure on its
// way out.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { type ConnectError, type ContextKey, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Call } from "../../../pipeline/pipeline.ts";
import { STREAM_HEADERS } from "../../../pipeline/streams/heartbeat.ts";
import type { RequestBody } from "../../http/body/request-body.ts";
import { ACCEPTED, requestCompression } from "../compression.ts";
import { PROTOCOLS } from "../forms.ts";
import { encodeMessage } from "../grpc-status.ts";
import type { Protocol } from "../protocol.ts";
import { carried, carry, failureOf } from "./errors.ts";
import type { RequestMessages } from "./requests.ts";

/** What the adapter hands through Connect's code. */
export interface CarriedCall {
  readonly call: Call;
  readonly body: RequestBody;
  readonly messages: RequestMessages;
  /** Of a Connect GET. */
  readonly query: URLSearchParams | undefined;
  /** Why the timeout header is invalid. Reported only to callers that are admitted. */
  readonly invalidTimeout: unknown;
  /** Sends the headers of the response, though it has no message yet. */
  flush(): void;
}

export const carriedCall: ContextKey<CarriedCall | undefined> = createContextKey<CarriedCall | undefined>(undefined);

/** Runs before the body is read: authentication, rate limits. */
export async function admitCall(context: HandlerContext, readMaxBytes: number): Promise<void> {
  const { call, messages, query, invalidTimeout } = carriedBy(context);
  mendFailures(context, call, readMaxBytes);
  mendMessages(context);
  await carried((async () => call.admit())());
  if (invalidTimeout !== undefined) throw carry(invalidTimeout);
  checkCompression(context);
  if (query !== undefined) await carried(messages.readQuery(query));
}

/** Names what is accepted beside the refusal, as the specifications of Connect and gRPC ask. */
function checkCompression({ protocolName, method, requestMethod, requestHeader, responseHeader, url }: HandlerContext) {
  const { unary, streaming } = PROTOCOLS[protocolName as Protocol["wire"]];
  const { encodingHeader, acceptHeader } = method.methodKind === "unary" ? unary : streaming;
  const encoding =
    requestMethod === "GET" ? new URL(url).searchParams.get("compression") : requestHeader.get(encodingHeader);
  try {
    requestCompression(encoding);
  } catch (error) {
    responseHeader.set(acceptHeader, ACCEPTED);
    throw carry(error);
  }
}

/** An implementation as Connect wants it for the kind of method. */
// biome-ignore lint/suspicious/noExplicitAny: Connect derives the type from the kind of method, which is not known here
export function implementationOf(method: DescMethod, readMaxBytes: number): any {
  switch (method.methodKind) {
    case "unary":
      return async (_empty: Message, context: HandlerContext) => {
        const { call, messages } = carriedBy(context);
        const response = await carried(call.unary(messages.take()));
        copyHeaders(call, context);
        return response;
      };
    case "server_streaming":
      return (_empty: Message, context: HandlerContext) => responses(only(carriedBy(context).messages.take()), context);
    case "client_streaming":
      return async (requests: AsyncIterable<Message>, context: HandlerContext) => {
        for await (const response of responses(decoded(requests, context, readMaxBytes), context)) return response;
      };
    case "bidi_streaming":
      return (requests: AsyncIterable<Message>, context: HandlerContext) =>
        responses(decoded(requests, context, readMaxBytes), context);
  }
}

function carriedBy(context: HandlerContext): CarriedCall {
  const value = context.values.get(carriedCall);
  if (value === undefined) throw new Error("the call was not begun");
  return value;
}

async function* responses(requests: AsyncIterable<Message>, context: HandlerContext): AsyncIterable<Message> {
  const { call, flush } = carriedBy(context);
  call.onFlushHeaders = () => {
    copyHeaders(call, context);
    flush();
  };
  const iterator = call.stream(requests)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await carried(iterator.next());
      copyHeaders(call, context);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    iterator.return?.().catch(() => {});
  }
}

async function* only(request: Message): AsyncIterable<Message> {
  yield request;
}

/**
 * Requests as a service sees them, in the place of the empty ones; what fails does so in the contract's terms, not in
 * Connect's.
 */
async function* decoded(
  empty: AsyncIterable<Message>,
  context: HandlerContext,
  readMaxBytes: number,
): AsyncIterable<Message> {
  const { body, messages } = carriedBy(context);
  try {
    for await (const _ of empty) {
      body.step();
      yield messages.take();
    }
  } catch (error) {
    throw failureOf(error, readMaxBytes);
  }
}

/**
 * All of Connect's handlers tell their context of a failure (`abort`) before they write it. There each one passes
 * through the pipeline, whether a service threw it or Connect's own decoding, and is replaced in place by what that
 * makes of it. No option or interceptor sees the failures of decoding; tests hold this to the version in use.
 */
function mendFailures(context: HandlerContext, call: Call, readMaxBytes: number): void {
  const controller = context as HandlerContext & { abort(reason?: unknown): void };
  const abort = controller.abort.bind(controller);
  controller.abort = (reason) => {
    if (reason !== undefined) {
      const sent = call.fail(failureOf(reason, readMaxBytes));
      if (reason instanceof Error) become(reason, sent);
      copyHeaders(call, context);
    }
    abort(reason);
  };
}

/**
 * Connect percent-encodes more of a message than gRPC's specification says, in trailers and in the last frame of
 * gRPC-Web alike.
 */
function mendMessages({ responseTrailer }: HandlerContext): void {
  const set = responseTrailer.set.bind(responseTrailer);
  responseTrailer.set = (name, value) =>
    set(name, name.toLowerCase() === "grpc-message" ? encodeMessage(decodeURIComponent(value)) : value);
}

function become(reason: Error, { message, rawMessage, code, details, metadata }: ConnectError): void {
  Object.assign(reason, { message, rawMessage, code, details, metadata, cause: undefined });
}

function copyHeaders(call: Call, context: HandlerContext): void {
  for (const [name, value] of call.responseHeaders) context.responseHeader.set(name, value);
  // gRPC has proxies of its own, which hand on what comes as it comes.
  if (context.method.methodKind === "unary" || context.protocolName === "grpc") return;
  for (const name in STREAM_HEADERS) context.responseHeader.set(name, STREAM_HEADERS[name] as string);
}
