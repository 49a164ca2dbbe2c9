// gRPC-Web, whose trailers are the last frame of the body: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
import type { ConnectError } from "@connectrpc/connect";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { WholeResponse } from "../http/exchange.ts";
import { compressionOf, envelope, receiveOne } from "./envelope.ts";
import { grpc, headersOf } from "./grpc.ts";
import { statusTrailers } from "./grpc-status.ts";
import type { Form, HeaderMap, Incoming, Protocol } from "./protocol.ts";
import { isText, toText, wantsText } from "./web-text.ts";

const OK = Buffer.from("grpc-status: 0\r\n");

const { encodingHeader, acceptHeader } = grpc.unary;

const form: Form = {
  encodingHeader,
  acceptHeader,
  receive: (incoming, interrupt) =>
    receiveOne(incoming, interrupt, { skip: trailerFlag, text: isText((name) => incoming.exchange.header(name)) }),
};

export const grpcWeb: Protocol = {
  wire: "grpc-web",

  unary: {
    ...form,

    async succeed(incoming, message, fields) {
      const data = incoming.codec.encode(incoming.method, incoming.encoding, message);
      const compression = compressionOf(incoming);
      const frames = [await envelope(data, 0, compression), await envelope(OK, trailerFlag, compression)];
      return response(incoming, fields, frames);
    },

    async fail(incoming, error, fields) {
      return response(incoming, fields, [await lastFrame(incoming, error)]);
    },
  },

  streaming: {
    ...form,
    trailing: false,
    compression: compressionOf,
    isText: answersText,
    headers: (incoming, fields) => headersOf(incoming, typeOf(incoming), fields),
    async end(incoming, error) {
      const frame = await lastFrame(incoming, error);
      return { frame: answersText(incoming) ? toText(frame) : frame };
    },
  },
};

async function lastFrame(incoming: Incoming, error: ConnectError | undefined): Promise<Buffer> {
  return envelope(trailerSerialize(statusTrailers(error)), trailerFlag, compressionOf(incoming));
}

function response(incoming: Incoming, fields: HeaderMap, frames: readonly Buffer[]): WholeResponse {
  const body = answersText(incoming) ? frames.map(toText).join("") : Buffer.concat(frames);
  const headers = headersOf(incoming, typeOf(incoming), fields);
  headers["content-length"] = String(body.length);
  return { status: 200, headers, body };
}

function answersText({ exchange }: Incoming): boolean {
  return wantsText((name) => exchange.header(name));
}

function typeOf(incoming: Incoming): "grpc-web" | "grpc-web-text" {
  return answersText(incoming) ? "grpc-web-text" : "grpc-web";
}
