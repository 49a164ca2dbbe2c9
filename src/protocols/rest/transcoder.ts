// Serves one matched request: HTTP in, the pipeline, HTTP out.
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { callerGone } from "../../pipeline/call/deadline.ts";
import type { Call, Pipeline } from "../../pipeline/pipeline.ts";
import { releaseBody } from "../http/body/linger.ts";
import { RequestBody } from "../http/body/request-body.ts";
import type { BodyRules } from "../http/body/rules.ts";
import type { HttpRequest } from "../http/request.ts";
import { answer, answerEmpty, gone, type Headers, type HttpResponse } from "../http/response.ts";
import { checkContentType, JSON_TYPE, NDJSON_TYPE } from "./binding/media.ts";
import type { CallInfo } from "./binding/mount.ts";
import { type CreateCallSignal, RestHead } from "./request/call-head.ts";
import { type Received, readRequest, readRequests } from "./request/receive.ts";
import { bodyOf, type RenderFailure } from "./response/errors.ts";
import { LAST_ID, type StreamFormat } from "./response/events.ts";
import type { JsonWriter } from "./response/json-write.ts";
import { prepare, send } from "./response/message.ts";
import { ReaderGone, type StreamTimes, sendStream } from "./response/stream.ts";
import { negotiate, type Route } from "./route.ts";

export interface TranscoderOptions {
  readonly pipeline: Pick<Pipeline, "begin">;
  readonly createSignal: CreateCallSignal;
  readonly bodies: BodyRules;
  readonly renderFailure: RenderFailure;
  readonly writer: JsonWriter;
  readonly times: StreamTimes;
}

/** Serves a request. Never rejects. */
export type Transcoder = (
  route: Route,
  request: HttpRequest,
  response: HttpResponse,
  segments: readonly string[],
  query: string,
  path: string,
) => Promise<void>;

/** The state of one request. */
interface Exchange extends Received {
  readonly response: HttpResponse;
  readonly call: Call;
  readonly info: CallInfo;
}

export function createTranscoder({
  pipeline,
  createSignal,
  bodies,
  renderFailure,
  writer,
  times,
}: TranscoderOptions): Transcoder {
  async function serve(exchange: Exchange): Promise<void> {
    const { route, request, call } = exchange;
    await call.admit();
    if (exchange.head.badTimeout !== undefined) throw exchange.head.badTimeout;
    const format = negotiate(route, exchange.head.header("accept"));
    if (format?.ends && exchange.info.verb === "GET" && exchange.head.header("last-event-id") === LAST_ID) {
      answerNoMore(exchange);
      return;
    }
    if (route.streamsIn) {
      if (!route.builder.rawBody) checkContentType(request, NDJSON_TYPE);
      const requests = readRequests(exchange);
      if (format === undefined) await answerOne(exchange, await onlyOne(call.stream(requests)), undefined);
      else await answerMany(exchange, call.stream(requests), format);
    } else {
      const message = await readRequest(exchange);
      if (format === undefined) await answerOne(exchange, await call.unary(message), message);
      else await answerMany(exchange, call.stream(once(message)), format);
    }
  }

  /** The reader has the last event: 204 makes an event source stop (WHATWG HTML, 9.2.3). */
  function answerNoMore({ route, response, info, call }: Exchange): void {
    const headers = headersOf(call);
    route.mount.onResponse?.(headers, info);
    call.end();
    answerEmpty(response, 204, headers);
  }

  async function answerOne(exchange: Exchange, message: Message, requestMessage: Message | undefined): Promise<void> {
    const { route, response, head, info, call } = exchange;
    const parts = {
      binding: route.binding,
      raw: route.rawResponse,
      writer,
      request: requestMessage,
      verb: info.verb,
      header: (name: string) => head.header(name),
    };
    const prepared = await prepare(parts, message, headersOf(call));
    route.mount.onResponse?.(prepared.headers, info);
    call.end();
    send(response, prepared, info.verb);
  }

  async function answerMany(exchange: Exchange, messages: AsyncIterable<Message>, format: StreamFormat): Promise<void> {
    const { route, response, info, call } = exchange;
    const done = await sendStream(messages, {
      response,
      format,
      times,
      flushed: new Promise((resolve) => {
        call.onFlushHeaders = resolve;
      }),
      status: () => call.status ?? route.binding.successStatus,
      headOnly: info.verb === "HEAD",
      headers() {
        const headers = headersOf(call);
        if (!route.rawResponse) headers.vary = "accept";
        route.mount.onResponse?.(headers, info);
        return headers;
      },
      renderError(error) {
        const { body, event = body } = renderFailure(error, call, route.mount, info);
        return event;
      },
    });
    if (done) call.end();
  }

  function fail({ route, response, call, head, info }: Exchange, error: unknown): void {
    const cause = error instanceof ReaderGone ? (head.signal.aborted ? head.signal.reason : callerGone()) : error;
    const rendered = renderFailure(cause, call, route.mount, info);
    if (gone(response)) {
      response.destroy();
      return;
    }
    const headers: Headers = { "content-type": JSON_TYPE, ...headersOf(call), ...rendered.headers };
    route.mount.onResponse?.(headers, info);
    answer(response, rendered.status, headers, bodyOf(rendered), info.verb === "HEAD");
  }

  return async (route, request, response, segments, query, path) => {
    const form = route.streamsOut || route.rawResponse || route.binding.responseBody ? undefined : "rest";
    const head = new RestHead(route.binding.method, request, response, route.mount, query, createSignal, form);
    const call = pipeline.begin(head);
    const { requestId } = call.context;
    const info: CallInfo = {
      verb: request.method ?? "",
      path,
      requestId,
      binding: route.binding,
      call,
      address: call.context.address,
    };
    const body = RequestBody.of(request, bodies);
    call.onHeld = (bytes) => body.keep(bytes);
    const exchange: Exchange = { route, request, response, segments, query, body, head, call, info };
    try {
      const refused = call.turnAway();
      if (refused === undefined) await serve(exchange);
      else fail(exchange, refused);
    } catch (error) {
      fail(exchange, error);
    } finally {
      head.release();
      body.release();
      // Whatever is left of it is nobody's any more.
      releaseBody(request);
    }
  };
}

async function* once(message: Message): AsyncGenerator<Message> {
  yield message;
}

async function onlyOne(messages: AsyncIterable<Message>): Promise<Message> {
  for await (const message of messages) return message;
  throw new ConnectError("the method gave no answer", Code.Internal);
}

function headersOf(call: Call): Headers {
  const headers: Headers = {};
  for (const [name, value] of call.responseHeaders) headers[name] = value;
  headers["x-request-id"] ??= call.context.requestId;
  return headers;
}
