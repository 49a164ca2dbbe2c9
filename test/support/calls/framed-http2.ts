// HTTP/2 requests with a chosen framing: the lengths of the DATA frames, their padding, and how the bytes are split
// into packets.
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { comparable, cut, type FramedAnswer, type FramedCall } from "./framed-http1.ts";

export interface DataFraming {
  /** The lengths of the DATA frames; what is left is the last one. */
  readonly frames: readonly number[];
  /** Whether END_STREAM comes on a frame without data. */
  readonly emptyEnd: boolean;
}

export interface Http2Framing {
  readonly padding: "none" | "aligned" | "most";
  /** The longest packet. */
  readonly packet: number;
}

const PADDING = {
  none: constants.PADDING_STRATEGY_NONE,
  // Its name is missing in Node's types.
  aligned: 1,
  most: constants.PADDING_STRATEGY_MAX,
};

/** Opens a connection whose bytes are sent in packets of at most so many. */
export function openCutHttp2(url: string, { padding, packet }: Http2Framing): ClientHttp2Session {
  const { port, protocol } = new URL(url);
  const to = { port: Number(port), host: "127.0.0.1" };
  const socket =
    protocol === "https:" ? connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ["h2"] }) : connect(to);
  socket.setNoDelay(true);
  const cutting = new Duplex({
    read: () => socket.resume(),
    write(bytes: Buffer, _, done) {
      const write = (at: number): void => {
        if (at >= bytes.length) done();
        else socket.write(bytes.subarray(at, at + packet), () => setImmediate(write, at + packet));
      };
      write(0);
    },
    final: (done) => void socket.end(() => done()),
    destroy(error, done) {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (chunk: Buffer) => {
    if (!cutting.push(chunk)) socket.pause();
  });
  socket.on("end", () => cutting.push(null));
  socket.on("error", (error) => cutting.destroy(error));
  return connectHttp2(url, { createConnection: () => cutting, paddingStrategy: PADDING[padding] });
}

/** Makes a call, and reads its answer to the end. */
export function callHttp2(
  session: ClientHttp2Session,
  { path, headers, body }: FramedCall,
  { frames, emptyEnd }: DataFraming,
): Promise<FramedAnswer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    const chunks: Buffer[] = [];
    let status = 0;
    let fields: Array<[string, unknown]> = [];
    stream.on("response", (answered) => {
      status = answered[":status"] ?? 0;
      fields = Object.entries(answered);
    });
    stream.on("trailers", (trailers) => fields.push(...Object.entries(trailers)));
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () => resolve(comparable(status, fields, Buffer.concat(chunks))));
    const pieces = cut(body, frames);
    const write = (i: number): void => {
      const piece = pieces[i];
      if (piece === undefined) return void stream.end();
      if (i === pieces.length - 1 && !emptyEnd) return void stream.end(piece);
      // The next one only when this is sent: else they would become one frame.
      stream.write(piece, () => setImmediate(write, i + 1));
    };
    write(0);
  });
}
