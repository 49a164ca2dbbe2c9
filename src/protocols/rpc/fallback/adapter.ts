// Connect, gRPC and gRPC-Web for every method of the pipeline, through Connect's own handlers.
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { createConnectRouter, createContextValues } from "@connectrpc/connect";
import type { Compression, UniversalHandler, UniversalServerResponse } from "@connectrpc/connect/protocol";
import type { CallHead } from "../../../pipeline/call/call.ts";
import { createCallSignal, parseTimeout, timeoutHeader } from "../../../pipeline/call/deadline.ts";
import type { Lifecycle } from "../../../pipeline/lifecycle.ts";
import type { Pipeline } from "../../../pipeline/pipeline.ts";
import { releaseBody } from "../../http/body/linger.ts";
import { RequestBody } from "../../http/body/request-body.ts";
import type { BodyRules } from "../../http/body/rules.ts";
import type { SentCoding } from "../../http/coding.ts";
import { addressOf, type HttpHandler, type HttpRequest, headerOf, pathOf } from "../../http/request.ts";
import type { HttpResponse } from "../../http/response.ts";
import { createCodec } from "../codec.ts";
import { CODINGS, compress } from "../compression.ts";
import { formName } from "../forms.ts";
import { bytesOfText, isText, textPieces, wantsText } from "../web-text.ts";
import { admitCall, carriedCall, implementationOf } from "./calls.ts";
import { carried } from "./errors.ts";
import { type CallForm, formOf, refusalOf, wireOf } from "./request.ts";
import { createMessageReading, RequestMessages } from "./requests.ts";
import { writeError, writeResponse } from "./response.ts";

export interface ConnectAdapterOptions {
  readonly pipeline: Pipeline;
  readonly lifecycle: Lifecycle;
  /** Maximum bytes of one request message, also once decompressed. Default: 4 MiB. */
  readonly readMaxBytes?: number;
  /** Maximum bytes of one response message. Default: 64 MiB. */
  readonly writeMaxBytes?: number;
  /** How request bodies are read. */
  readonly bodies: BodyRules;
}

/**
 * The headers that Connect's handlers read. Timeouts are not among them, deadlines are kept here; nor is the length of
 * the body.
 */
const PROTOCOL_HEADERS = [
  "content-type",
  "content-encoding",
  "accept-encoding",
  "connect-protocol-version",
  "connect-content-encoding",
  "connect-accept-encoding",
  "grpc-encoding",
  "grpc-accept-encoding",
];

/** Serves all three protocols at `/<service>/<method>`; says false to any other path. */
export function createConnectAdapter(options: ConnectAdapterOptions): HttpHandler {
  const { pipeline, lifecycle, bodies, readMaxBytes = 4 << 20, writeMaxBytes = 64 << 20 } = options;
  const reading = createMessageReading(
    createCodec({ readMaxBytes, writeMaxBytes, unchecked: pipeline.unchecked }),
    readMaxBytes,
  );
  const router = createConnectRouter({
    readMaxBytes,
    writeMaxBytes,
    acceptCompression: CODINGS.map(asCompression),
    // Runs before the body is read.
    requestGate: (context) => admitCall(context, readMaxBytes),
  });
  const handlers = new Map<string, UniversalHandler>();
  /** Made at the first call of a method: the lanes serve most, and a server has hundreds. */
  const handlerOf = (path: string): UniversalHandler | undefined => {
    const method = pipeline.methods.get(path);
    if (method === undefined || handlers.has(path)) return handlers.get(path);
    router.rpc(method as DescMethodUnary, implementationOf(method, readMaxBytes));
    for (const handler of router.handlers.slice(handlers.size)) handlers.set(handler.requestPath, handler);
    return handlers.get(path);
  };

  return (request, response) => {
    const handler = handlerOf(pathOf(request.url));
    if (handler === undefined) return false;
    return answerCall(request, response, handler).then(() => true);
  };

  async function answerCall(request: HttpRequest, response: HttpResponse, handler: UniversalHandler): Promise<void> {
    const { method } = handler;
    const wire = wireOf(request);
    const timeout = timeoutOf(request);
    const deadline = timeout.milliseconds === undefined ? undefined : Date.now() + timeout.milliseconds;
    const aborter = createCallSignal(deadline, lifecycle.stopping);
    const { signal, interrupt } = aborter;
    const header: CallHead["header"] = (name) => headerOf(request, name);
    const call = pipeline.begin({ method, wire, header, address: addressOf(request), signal, interrupt, deadline });
    const { promise: flushed, resolve: flush } = Promise.withResolvers<void>();
    const body = RequestBody.of(request, bodies);
    call.onHeld = (bytes) => body.keep(bytes);
    let written = false;
    response.once("close", () => {
      if (!written) aborter.cancel();
    });
    // "close" reports that the client disconnected; an error without a listener would end the process.
    response.on("error", () => {});
    try {
      const refusal = refusalOf(request, method);
      if (refusal !== undefined) {
        const error = call.fail(refusal.failure);
        const headers = { ...Object.fromEntries(call.responseHeaders), ...refusal.headers };
        writeError(request, response, refusal.status, error, headers);
      } else {
        const isWeb = wire === "grpc-web";
        const streams = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
        const pieces = body.pieces(interrupt, { streams, maxBytes: readMaxBytes });
        const form = formOf(request, method);
        const messages = new RequestMessages(reading, body, form);
        const carry = { call, body, messages, query: form.query, invalidTimeout: timeout.failure, flush };
        const answer = await handler({
          httpVersion: request.httpVersion,
          method: request.method ?? "",
          // The authority plays no part in a call, and the URL constructor dies of a bad one.
          url: `http://localhost${form.query === undefined ? request.url : standingIn(request, form)}`,
          header: protocolHeaders(request),
          body: carriedChunks(messages.stand(isWeb && isText(header) ? bytesOfText(pieces) : pieces)),
          signal,
          contextValues: createContextValues().set(carriedCall, carry),
        });
        await writeResponse(isWeb && wantsText(header) ? asText(answer) : answer, response, flushed);
      }
      written = true;
      call.end();
    } catch (error) {
      // No response can be sent any more: the client disconnected, or the response failed while it was written.
      call.fail(error);
      response.destroy();
    } finally {
      aborter.release();
      body.release();
      releaseBody(request);
    }
  }
}

/**
 * A coding as Connect's handlers take it. They want plain arrays, though any do; what they read is decompressed before.
 */
function asCompression(coding: SentCoding): Compression {
  type Bytes = Uint8Array<ArrayBuffer>;
  return {
    name: coding.name,
    compress: (bytes) => compress(bytes, coding) as Promise<Uint8Array> as Promise<Bytes>,
    decompress: async (bytes) => bytes as Bytes,
  };
}

function timeoutOf(request: HttpRequest): { milliseconds?: number | undefined; failure?: unknown } {
  const wire = wireOf(request);
  try {
    return { milliseconds: parseTimeout(wire, headerOf(request, timeoutHeader(wire))) };
  } catch (failure) {
    return { failure };
  }
}

/** The URL of a Connect GET as the handlers get it, with an empty message. */
function standingIn(request: HttpRequest, { encoding, query }: CallForm): string {
  const rest = new URLSearchParams(query);
  rest.delete("base64");
  rest.set("message", encoding === "json" ? "{}" : "");
  return `${pathOf(request.url)}?${rest}`;
}

function protocolHeaders(request: HttpRequest): Headers {
  const headers = new Headers();
  for (const name of PROTOCOL_HEADERS) {
    const value = headerOf(request, name);
    if (value !== undefined) headers.set(name, name === "content-type" ? formName(value) : value);
  }
  return headers;
}

function asText({ status, header, body }: UniversalServerResponse): UniversalServerResponse {
  header?.set("content-type", header.get("content-type")?.replace("grpc-web", "grpc-web-text") ?? "");
  return { status, ...(header && { header }), ...(body && { body: textPieces(body) }) };
}

async function* carriedChunks(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await carried(iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    iterator.return?.().catch(() => {});
  }
}
