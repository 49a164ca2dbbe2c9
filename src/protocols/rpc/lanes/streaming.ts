// The lane of server-streaming calls: from the pipeline to the socket, in shared frames.
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Call } from "../../../pipeline/call/call.ts";
import { STREAM_HEADERS } from "../../../pipeline/streams/heartbeat.ts";
import { pushAll } from "../../../pipeline/streams/push-stream.ts";
import type { Exchange } from "../../http/exchange.ts";
import { BodySink } from "../../http/stream/body-sink.ts";
import type { BodyWriter } from "../../http/stream/body-writer.ts";
import { SharedFrames } from "../../http/stream/shared-frames.ts";
import { type Codec, createCodec } from "../codec.ts";
import { envelope } from "../envelope.ts";
import { formName, STREAMING_FORMS } from "../forms.ts";
import type { Incoming, Protocol, StreamingForm } from "../protocol.ts";
import { toText } from "../web-text.ts";
import { LaneHead } from "./call-head.ts";
import { type CallForm, createLane, type Lane, type LaneOptions, receive, type Target } from "./lane.ts";
import { streamedResponse } from "./streamed-response.ts";

export function createStreamLane(options: LaneOptions): Lane {
  const { pipeline, lifecycle } = options;
  const codec = createCodec({ ...options, unchecked: options.pipeline.unchecked });
  const frames = createFrames(codec);

  async function serve(protocol: Protocol, incoming: Incoming, target: Target): Promise<void> {
    const { exchange, method } = incoming;
    const { wire, streaming: form } = protocol;
    const response = streamedResponse(target);
    const head = new LaneHead(exchange, method, wire, lifecycle);
    const call = pipeline.begin(head);
    let body: BodyWriter | undefined;
    const open = () => {
      body ??= response.open(headersOf(protocol, incoming, call), form.trailing);
      return body;
    };
    const sink = new BodySink(frames(form, incoming), open, head.signal);
    const end = async (error: ConnectError | undefined) => {
      await sink.close();
      const last = await form.end(incoming, error);
      open();
      response.end(last);
    };
    call.onFlushHeaders = open;
    try {
      try {
        const request = await receive(form, incoming, head, call);
        await pushAll(call.stream(only(request)), sink);
        await end(undefined);
      } catch (error) {
        await end(call.fail(error));
      }
      call.end();
    } catch (error) {
      // No response can be sent any more: the client disconnected, or the response failed while it was written.
      call.fail(error);
      exchange.destroy();
    } finally {
      head.release();
      exchange.release();
    }
  }

  return createLane(options, { kind: "server_streaming", codec, formOf, serve });
}

function formOf(exchange: Exchange): CallForm | undefined {
  if (exchange.method !== "POST") return undefined;
  const [protocol, encoding] = STREAMING_FORMS.get(formName(exchange.header("content-type"))) ?? [];
  if (protocol === undefined || encoding === undefined) return undefined;
  return { protocol, encoding, query: undefined };
}

/** gRPC has proxies of its own, which hand on what comes as it comes. */
function headersOf({ wire, streaming }: Protocol, incoming: Incoming, call: Call): Record<string, string> {
  const headers = streaming.headers(incoming, call.responseHeaders);
  return wire === "grpc" ? headers : { ...headers, ...STREAM_HEADERS };
}

/** The frames of each form. They are the same over all three protocols, but for text. */
function createFrames(codec: Codec) {
  const forms = new Map<string, SharedFrames>();
  return (form: StreamingForm, incoming: Incoming): SharedFrames => {
    const { method, encoding } = incoming;
    const compression = form.compression(incoming);
    const text = form.isText(incoming);
    const key = `${method.toString()} ${encoding} ${compression?.name} ${text}`;
    let frames = forms.get(key);
    if (frames === undefined) {
      const framed = (message: Message) => envelope(codec.encode(method, encoding, message), 0, compression);
      frames = new SharedFrames(text ? (message) => textOf(framed(message)) : framed);
      forms.set(key, frames);
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
