// Many subscribers to one conversation, in a process of their own: plain sockets that look for the marks in the
// messages.
import { connect, type Socket } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { SubscribeRequestSchema } from "../gen/colloquy/v1/event_service_pb.ts";

/** What the parent sends at first. */
export interface Wanted {
  readonly port: number;
  readonly token: string;
  readonly conversationId: string;
  /** There is an entry behind it already: with it the answers begin. */
  readonly afterSeq: string;
  readonly subscribers: number;
  /** Messages are marked `<~0@run~>` to `<~<count - 1>@run~>`: a run before this left some, too. */
  readonly run: string;
  readonly count: number;
  /** Whether they get signals too. Default: not. */
  readonly includeSignals?: boolean;
}

/** When each message came, in milliseconds since 1970: of subscriber `s` the message `n` at `s * count + n`. */
export interface Received {
  readonly times: Float64Array;
  /** Messages that came again. */
  readonly twice: number;
  /** Signals that came to all of them together. */
  readonly signals: number;
  /** Processor time that the subscribers took from the first message on, in microseconds. */
  readonly cpuMicros: number;
}

/** The name of those that are counted; one that is split between two packets is not. */
export const SIGNAL = "bench.typing";

/** Subscribers that begin at the same time: a thousand would be refused, as anything that comes all at once. */
const AT_ONCE = 25;

process.once("message", (wanted: Wanted) => follow(wanted));

function follow({ port, token, conversationId, afterSeq, subscribers, run, count, includeSignals }: Wanted): void {
  const mark = new RegExp(`<~(\\d+)@${run}~>`, "g");
  const times = new Float64Array(subscribers * count);
  const sockets: Socket[] = [];
  let open = 0;
  let twice = 0;
  let signals = 0;
  let done = 0;
  let used = process.cpuUsage();
  const request = requestOf(token, conversationId, afterSeq, includeSignals);
  for (let subscriber = 0; subscriber < Math.min(subscribers, AT_ONCE); subscriber++) begin(subscriber);
  process.once("message", finish);

  function begin(subscriber: number): void {
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    sockets.push(socket);
    let rest = "";
    let answered = false;
    socket.on("data", (chunk: Buffer) => {
      const now = performance.timeOrigin + performance.now();
      const text = rest + chunk.toString("latin1");
      // A stream may break off with an error long after its status.
      if (text.includes('{"error"')) return fail(text);
      if (!answered && text.includes("\r\n\r\n")) {
        answered = true;
        if (!text.startsWith("HTTP/1.1 200")) return fail(text);
        open++;
        if (open + AT_ONCE <= subscribers) begin(open + AT_ONCE - 1);
        if (open === subscribers) {
          used = process.cpuUsage();
          process.send?.("open");
        }
      }
      if (includeSignals) signals += chunk.toString("latin1").split(SIGNAL).length - 1;
      let end = 0;
      for (const found of text.matchAll(mark)) {
        end = found.index + found[0].length;
        const place = subscriber * count + Number(found[1]);
        const again = times[place] !== 0;
        times[place] = now;
        if (again) twice++;
        else if (++done === subscribers * count) finish();
      }
      rest = text.slice(Math.max(end, text.length - 32));
    });
    socket.on("error", (error) => fail(error.message));
  }

  function finish(): void {
    for (const socket of sockets) socket.destroy();
    const { user, system } = process.cpuUsage(used);
    const received: Received = { times, twice, signals, cpuMicros: user + system };
    process.send?.(received, () => process.exit());
  }
}

function fail(why: string): void {
  process.stderr.write(`a subscriber failed: ${why.slice(0, 500)}\n`);
  process.exit(1);
}

/** A call of Connect's streaming protocol over HTTP/1.1: one message in an envelope. */
function requestOf(token: string, conversationId: string, afterSeq: string, includeSignals = false): Buffer {
  const message = toBinary(
    SubscribeRequestSchema,
    create(SubscribeRequestSchema, { conversationId, afterSeq: BigInt(afterSeq), includeSignals }),
  );
  const envelope = Buffer.alloc(5);
  envelope.writeUInt32BE(message.byteLength, 1);
  const head = [
    "POST /colloquy.v1.EventService/Subscribe HTTP/1.1",
    "host: 127.0.0.1",
    `authorization: Bearer ${token}`,
    "content-type: application/connect+proto",
    "connect-protocol-version: 1",
    `content-length: ${envelope.length + message.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), envelope, message]);
}
