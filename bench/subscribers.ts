// Many subscribers to one conversation, in a process of their own: plain sockets that look for the marks in the messages.
import { connect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { SubscribeRequestSchema } from "../gen/colloquy/v1/conversation_service_pb.ts";

/** What the parent sends at first. */
export interface Wanted {
  readonly port: number;
  readonly token: string;
  readonly conversationId: string;
  readonly afterSeq: string;
  readonly subscribers: number;
  /** Messages are marked `#0#` to `#<count - 1>#`. */
  readonly count: number;
}

/** When each message came, in milliseconds since 1970: of subscriber `s` the message `n` at `s * count + n`. */
export interface Received {
  readonly times: Float64Array;
  /** Messages that did not follow the one before. */
  readonly disorder: number;
  readonly missing: number;
}

process.once("message", (wanted: Wanted) => follow(wanted));

function follow({ port, token, conversationId, afterSeq, subscribers, count }: Wanted): void {
  const times = new Float64Array(subscribers * count);
  const next = new Int32Array(subscribers);
  const sockets: Socket[] = [];
  let open = 0;
  let disorder = 0;
  let done = 0;
  const request = requestOf(token, conversationId, afterSeq);
  for (let subscriber = 0; subscriber < subscribers; subscriber++) {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    sockets.push(socket);
    let rest = "";
    let answered = false;
    socket.on("data", (chunk: Buffer) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + chunk.toString("latin1");
      if (!answered && text.includes("\r\n\r\n")) {
        answered = true;
        if (!text.startsWith("HTTP/1.1 200")) return fail(text);
        if (++open === subscribers) process.send?.("open");
      }
      let end = 0;
      for (let mark = text.indexOf("#"); mark !== -1; mark = text.indexOf("#", end)) {
        const close = text.indexOf("#", mark + 1);
        if (close === -1) break;
        end = close + 1;
        const number = Number(text.slice(mark + 1, close));
        if (number !== next[subscriber]) disorder++;
        next[subscriber] = number + 1;
        times[subscriber * count + number] = now;
        if (number === count - 1 && ++done === subscribers) finish();
      }
      rest = text.slice(Math.max(end, text.length - 16));
    });
    socket.on("error", (error) => fail(error.message));
  }
  process.once("message", finish);

  function finish(): void {
    for (const socket of sockets) socket.destroy();
    const missing = times.reduce((sum, time) => sum + (time === 0 ? 1 : 0), 0);
    const received: Received = { times, disorder, missing };
    process.send?.(received, () => process.exit());
  }
}

function fail(why: string): void {
  process.stderr.write(`a subscriber failed: ${why.slice(0, 500)}\n`);
  process.exit(1);
}

/** A call of Connect's streaming protocol over HTTP/1.1: one message in an envelope. */
function requestOf(token: string, conversationId: string, afterSeq: string): Buffer {
  const message = toBinary(
    SubscribeRequestSchema,
    create(SubscribeRequestSchema, { conversationId, afterSeq: BigInt(afterSeq) }),
  );
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(message.byteLength, 1);
  const head = [
    "POST /colloquy.v1.ConversationService/Subscribe HTTP/1.1",
    "host: 127.0.0.1",
    `authorization: Bearer ${token}`,
    "content-type: application/connect+proto",
    "connect-protocol-version: 1",
    `content-length: ${envelope.length + message.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), envelope, message]);
}
