// The lane itself: takes the unary calls whose form it knows, and carries each through the pipeline to one write.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { BodyRules } from "../../../http/body/rules.ts";
import type { Exchange, WholeAnswer } from "../../../http/exchange.ts";
import { Http1Exchange } from "../../../http/http1-exchange.ts";
import { Http2Exchange } from "../../../http/http2-exchange.ts";
import { type HttpHandler, pathOf, queryOf } from "../../../http/request.ts";
import type { Lifecycle } from "../../../pipeline/lifecycle.ts";
import type { Call, Pipeline } from "../../../pipeline/pipeline.ts";
import { LaneHead } from "../call-head.ts";
import { checkCompression } from "../check-compression.ts";
import { createCodec, type Encoding } from "../codec.ts";
import { formName } from "../content-type.ts";
import { connect } from "./connect.ts";
import { grpc } from "./grpc.ts";
import { grpcWeb } from "./grpc-web.ts";
import type { Incoming, Protocol } from "./protocol.ts";

export interface LaneOptions {
  readonly pipeline: Pipeline;
  readonly lifecycle: Lifecycle;
  /** The most bytes of one request message, also once decompressed. */
  readonly readMaxBytes: number;
  /** The most bytes of one answer message. */
  readonly writeMaxBytes: number;
  /** How request bodies are read. */
  readonly bodies: BodyRules;
}

export interface Lane {
  /** Takes HTTP/1.1 requests; leaves others, and what it does not know, untouched. */
  readonly http1: HttpHandler;
  /** The same for the streams of HTTP/2. */
  http2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean;
}

const DONE = Promise.resolve();

/** A call's form, by the content type of its request, as {@link formName} spells it. */
const FORMS: ReadonlyMap<string, readonly [Protocol, Encoding]> = new Map<string, readonly [Protocol, Encoding]>([
  ["application/json", [connect, "json"]],
  ["application/proto", [connect, "proto"]],
  ["application/grpc", [grpc, "proto"]],
  ["application/grpc+proto", [grpc, "proto"]],
  ["application/grpc+json", [grpc, "json"]],
  ["application/grpc-web", [grpcWeb, "proto"]],
  ["application/grpc-web+proto", [grpcWeb, "proto"]],
  ["application/grpc-web+json", [grpcWeb, "json"]],
]);

export function createUnaryLane(options: LaneOptions): Lane {
  const { pipeline, lifecycle, readMaxBytes, bodies } = options;
  const codec = createCodec(options);
  const methods = new Map([...pipeline.methods].filter(([, method]) => method.methodKind === "unary"));

  /** What kind of call it is; undefined: none for this lane. */
  function formOf(
    exchange: Exchange,
    method: DescMethod,
  ): (Pick<Incoming, "encoding" | "query"> & { protocol: Protocol }) | undefined {
    if (exchange.method === "GET") return getFormOf(exchange, method);
    if (exchange.method !== "POST") return undefined;
    const [protocol, encoding] = FORMS.get(formName(exchange.header("content-type"))) ?? [];
    if (protocol === undefined || encoding === undefined) return undefined;
    return { protocol, encoding, query: undefined };
  }

  function serve(protocol: Protocol, incoming: Incoming): Promise<void> {
    const { exchange, method } = incoming;
    const head = new LaneHead(exchange, method, protocol.wire, lifecycle);
    const call = pipeline.begin(head);
    const release = () => {
      head.release();
      exchange.release();
    };
    const send = (answer: WholeAnswer) => {
      exchange.send(answer);
      call.end();
      release();
    };
    const giveUp = (error: unknown) => {
      // Nothing can be answered any more: the client is gone, or the answer broke while it was being written.
      call.fail(error);
      exchange.destroy();
      release();
    };
    try {
      const refused = call.turnAway();
      const answer =
        refused === undefined
          ? outcomeOf(protocol, incoming, head, call)
          : protocol.fail(incoming, refused, call.responseHeaders);
      // Of those that are turned away there are most when there is the least time for them: no promise is made for them.
      if (answer instanceof Promise) return answer.then(send).catch(giveUp);
      send(answer);
    } catch (error) {
      giveUp(error);
    }
    return DONE;
  }

  async function outcomeOf(protocol: Protocol, incoming: Incoming, head: LaneHead, call: Call): Promise<WholeAnswer> {
    try {
      const admission = call.admit();
      if (admission !== undefined) await admission;
      if (head.invalidTimeout !== undefined) throw head.invalidTimeout;
      checkCompression(protocol, incoming, call);
      const request = await protocol.receive(incoming, () => head.interrupt);
      incoming.exchange.body.complete();
      return await protocol.succeed(incoming, await call.unary(request), call.responseHeaders);
    } catch (error) {
      return protocol.fail(incoming, call.fail(error), call.responseHeaders);
    }
  }

  function take(exchange: Exchange): Promise<void> | undefined {
    const method = methods.get(pathOf(exchange.target));
    const form = method && formOf(exchange, method);
    if (method === undefined || form === undefined) return undefined;
    const { protocol, encoding, query } = form;
    if (protocol === grpc && exchange instanceof Http1Exchange) return undefined;
    return serve(protocol, { exchange, method, encoding, query, codec, readMaxBytes });
  }

  return {
    http1(request, response) {
      if ("stream" in request) return false;
      const taken = take(new Http1Exchange(request as IncomingMessage, response as ServerResponse, bodies));
      return taken === undefined ? false : taken.then(() => true);
    },
    http2(stream, headers) {
      return take(new Http2Exchange(stream, headers, bodies)) !== undefined;
    },
  };
}

function getFormOf(exchange: Exchange, method: DescMethod) {
  if (method.idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return undefined;
  const query = new URLSearchParams(queryOf(exchange.target));
  const encoding = query.get("encoding");
  if (encoding !== "json" && encoding !== "proto") return undefined;
  if (query.get("base64") === "1" && !isBase64(query.get("message") ?? "")) return undefined;
  return { protocol: connect, encoding, query } as const;
}

function isBase64(text: string): boolean {
  try {
    base64Decode(text);
    return true;
  } catch {
    return false;
  }
}
