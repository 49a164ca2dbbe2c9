// The Connect protocol's streams: https://connectrpc.com/docs/protocol#streaming-rpcs
import { createEndStreamSerialization, endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { answerCompression } from "../compression.ts";
import { envelope, receiveOne } from "../envelope.ts";
import type { StreamProtocol } from "./protocol.ts";

const ENCODING = "connect-content-encoding";

const endOfStream = createEndStreamSerialization(undefined);

export const connect: StreamProtocol = {
  wire: "connect",
  acceptHeader: "connect-accept-encoding",
  trailing: false,
  requestEncoding: ({ exchange }) => exchange.header(ENCODING),
  receive: (incoming, interrupt) => receiveOne(incoming, interrupt, { skip: endStreamFlag, encodingHeader: ENCODING }),
  compression: ({ exchange }) =>
    answerCompression(exchange.header("connect-accept-encoding"), exchange.header(ENCODING)),

  isText: () => false,

  headers(incoming, fields) {
    const headers: Record<string, string> = { "content-type": `application/connect+${incoming.encoding}` };
    const compression = connect.compression(incoming);
    if (compression !== undefined) headers[ENCODING] = compression.name;
    for (const [name, value] of fields) headers[name] = value;
    return headers;
  },

  async end(incoming, error) {
    const data = endOfStream.serialize({ metadata: new Headers(), ...(error && { error }) });
    return { frame: await envelope(data, endStreamFlag, connect.compression(incoming)) };
  },
};
