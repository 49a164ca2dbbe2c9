// The lane itself: takes the calls that are answered with a stream and whose form it knows, and carries each from the pipeline into the socket.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Exchange } from "../../../http/exchange.ts";
import { Http1Exchange } from "../../../http/http1-exchange.ts";
import { Http2Exchange } from "../../../http/http2-exchange.ts";
import { pathOf } from "../../../http/request.ts";
import { BodySink } from "../../../http/stream/body-sink.ts";
import type { BodyWriter } from "../../../http/stream/body-writer.ts";
import { SharedFrames } from "../../../http/stream/shared-frames.ts";
import type { Call } from "../../../pipeline/call.ts";
import { STREAM_HEADERS } from "../../../pipeline/heartbeat.ts";
import { pushAll } from "../../../pipeline/push-stream.ts";
import { LaneHead } from "../call-head.ts";
import { checkCompression } from "../check-compression.ts";
import { type Codec, createCodec, type Encoding } from "../codec.ts";
import { formName } from "../content-type.ts";
import { envelope } from "../envelope.ts";
import type { Lane, LaneOptions } from "../unary/lane.ts";
import type { Incoming } from "../unary/protocol.ts";
import { toText } from "../web-text.ts";
import { answerHttp1, answerHttp2, type StreamedAnswer } from "./answer.ts";
import { connect } from "./connect.ts";
import { grpc } from "./grpc.ts";
import { grpcWeb } from "./grpc-web.ts";
import type { StreamProtocol } from "./protocol.ts";

/** A call's form, by the content type of its request, as {@link formName} spells it. */
const FORMS: ReadonlyMap<string, readonly [StreamProtocol, Encoding]> = new Map<
  string,
  readonly [StreamProtocol, Encoding]
>([
  ["application/connect+json", [connect, "json"]],
  ["application/connect+proto", [connect, "proto"]],
  ["application/grpc", [grpc, "proto"]],
  ["application/grpc+proto", [grpc, "proto"]],
  ["application/grpc+json", [grpc, "json"]],
  ["application/grpc-web", [grpcWeb, "proto"]],
  ["application/grpc-web+proto", [grpcWeb, "proto"]],
  ["application/grpc-web+json", [grpcWeb, "json"]],
]);

export function createStreamLane(options: LaneOptions): Lane {
  const { pipeline, lifecycle, readMaxBytes, bodies } = options;
  const codec = createCodec(options);
  const methods = new Map([...pipeline.methods].filter(([, method]) => method.methodKind === "server_streaming"));
  const frames = createFrames(codec);

  async function serve(protocol: StreamProtocol, incoming: Incoming, answer: StreamedAnswer): Promise<void> {
    const { exchange, method } = incoming;
    const head = new LaneHead(exchange, method, protocol.wire, lifecycle);
    const call = pipeline.begin(head);
    let body: BodyWriter | undefined;
    const open = () => {
      body ??= answer.open(headersOf(protocol, incoming, call), protocol.trailing);
      return body;
    };
    const sink = new BodySink(frames(protocol, incoming), open, head.signal);
    const end = async (error: ConnectError | undefined) => {
      await sink.close();
      const last = await protocol.end(incoming, error);
      open();
      answer.end(last);
    };
    call.onFlushHeaders = open;
    try {
      try {
        await call.admit();
        if (head.invalidTimeout !== undefined) throw head.invalidTimeout;
        checkCompression(protocol, incoming, call);
        const request = await protocol.receive(incoming, () => head.interrupt);
        exchange.body.complete();
        await pushAll(call.stream(only(request)), sink);
        await end(undefined);
      } catch (error) {
        await end(call.fail(error));
      }
      call.end();
    } catch (error) {
      // Nothing can be answered any more: the client is gone, or the answer broke while it was being written.
      call.fail(error);
      exchange.destroy();
    } finally {
      head.release();
      exchange.release();
    }
  }

  function take(exchange: Exchange, answer: () => StreamedAnswer): Promise<void> | undefined {
    if (exchange.method !== "POST") return undefined;
    const method = methods.get(pathOf(exchange.target));
    const form = method && FORMS.get(formName(exchange.header("content-type")));
    if (method === undefined || form === undefined) return undefined;
    const [protocol, encoding] = form;
    if (protocol === grpc && exchange instanceof Http1Exchange) return undefined;
    return serve(protocol, { exchange, method, encoding, query: undefined, codec, readMaxBytes }, answer());
  }

  return {
    http1(request, response) {
      if ("stream" in request) return false;
      const own = response as ServerResponse<IncomingMessage>;
      const exchange = new Http1Exchange(request as IncomingMessage, own, bodies);
      return take(exchange, () => answerHttp1(own))?.then(() => true) ?? false;
    },
    http2(stream, headers) {
      return take(new Http2Exchange(stream, headers, bodies), () => answerHttp2(stream)) !== undefined;
    },
  };
}

/** gRPC has proxies of its own, which hand on what comes as it comes. */
function headersOf(protocol: StreamProtocol, incoming: Incoming, call: Call): Record<string, string> {
  const headers = protocol.headers(incoming, call.responseHeaders);
  return protocol === grpc ? headers : { ...headers, ...STREAM_HEADERS };
}

/** The frames of each form. They are the same over all three protocols, but for text. */
function createFrames(codec: Codec) {
  const forms = new Map<string, SharedFrames>();
  return (protocol: StreamProtocol, incoming: Incoming): SharedFrames => {
    const { method, encoding } = incoming;
    const compression = protocol.compression(incoming);
    const text = protocol.isText(incoming);
    const form = `${method.toString()} ${encoding} ${compression?.name} ${text}`;
    let frames = forms.get(form);
    if (frames === undefined) {
      const framed = (message: Message) => envelope(codec.encode(method, encoding, message), 0, compression);
      frames = new SharedFrames(text ? (message) => textOf(framed(message)) : framed);
      forms.set(form, frames);
    }
    return frames;
  };
}

function textOf(frame: Buffer | Promise<Buffer>): Buffer | Promise<Buffer> {
  return frame instanceof Promise ? frame.then(textOf) : Buffer.from(toText(frame));
}

async function* only(request: Message): AsyncGenerator<Message> {
  yield request;
}
