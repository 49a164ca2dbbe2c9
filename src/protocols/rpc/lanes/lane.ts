// The parts that both lanes share: they take the calls whose form they know, past connect-node, and leave all others.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Lifecycle } from "../../../pipeline/lifecycle.ts";
import type { Call, Pipeline } from "../../../pipeline/pipeline.ts";
import type { BodyRules } from "../../http/body/rules.ts";
import type { Exchange } from "../../http/exchange.ts";
import { Http1Exchange } from "../../http/http1-exchange.ts";
import { Http2Exchange } from "../../http/http2-exchange.ts";
import { type HttpHandler, pathOf } from "../../http/request.ts";
import type { Codec, Encoding } from "../codec.ts";
import { ACCEPTED, requestCompression } from "../compression.ts";
import { type Form, type Incoming, type Protocol, requestEncoding } from "../protocol.ts";
import type { LaneHead } from "./call-head.ts";

export interface LaneOptions {
  readonly pipeline: Pipeline;
  readonly lifecycle: Lifecycle;
  /** Maximum bytes of one request message, also once decompressed. */
  readonly readMaxBytes: number;
  /** Maximum bytes of one response message. */
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

/** Where a response goes. */
export type Target = ServerResponse | ServerHttp2Stream;

export interface LaneRules {
  readonly kind: "unary" | "server_streaming";
  readonly codec: Codec;
  /** What kind of call it is; undefined: none for this lane. */
  formOf(exchange: Exchange, method: DescMethod): CallForm | undefined;
  /** Carries a call through the pipeline. Never rejects. */
  serve(protocol: Protocol, incoming: Incoming, target: Target): Promise<void>;
}

export interface CallForm {
  readonly protocol: Protocol;
  readonly encoding: Encoding;
  readonly query: URLSearchParams | undefined;
}

export function createLane({ pipeline, readMaxBytes, bodies }: LaneOptions, rules: LaneRules): Lane {
  const { kind, codec } = rules;
  const methods = new Map([...pipeline.methods].filter(([, method]) => method.methodKind === kind));

  function take(exchange: Exchange, target: Target): Promise<void> | undefined {
    const method = methods.get(pathOf(exchange.target));
    const form = method && rules.formOf(exchange, method);
    if (method === undefined || form === undefined) return undefined;
    const { protocol, encoding, query } = form;
    if (protocol.wire === "grpc" && exchange instanceof Http1Exchange) return undefined;
    return rules.serve(protocol, { exchange, method, encoding, query, codec, readMaxBytes }, target);
  }

  return {
    http1(request, response) {
      if ("stream" in request) return false;
      const own = response as ServerResponse<IncomingMessage>;
      const taken = take(new Http1Exchange(request as IncomingMessage, own, bodies), own);
      return taken === undefined ? false : taken.then(() => true);
    },
    http2(stream, headers) {
      return take(new Http2Exchange(stream, headers, bodies), stream) !== undefined;
    },
  };
}

/** Admits a call, and then reads its request. Throws what the pipeline refuses it with, and as {@link Form.receive}. */
export async function receive(form: Form, incoming: Incoming, head: LaneHead, call: Call): Promise<Message> {
  const admission = call.admit();
  if (admission !== undefined) await admission;
  if (head.invalidTimeout !== undefined) throw head.invalidTimeout;
  checkCompression(form, incoming, call);
  const request = await form.receive(incoming, () => head.interrupt);
  incoming.exchange.body.complete();
  return request;
}

/** Names what is accepted beside the refusal, as the specifications of Connect and gRPC ask. */
function checkCompression(form: Form, incoming: Incoming, call: Call): void {
  try {
    requestCompression(requestEncoding(form, incoming));
  } catch (error) {
    call.context.setHeader(form.acceptHeader, ACCEPTED);
    throw error;
  }
}
